"""Retrieval: queries with relevant documents in a corpus, which every system ranks."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from embedtune.config.systems import BESIDE, BM25, is_hybrid, member_of
from embedtune.data.checks.quick import weak_test
from embedtune.data.rows import RetrievalSet
from embedtune.data.sources.judged_source import JudgedSource
from embedtune.errors import ConfigError
from embedtune.evaluation.hybrid import best_weight
from embedtune.evaluation.metrics import parse_metric
from embedtune.evaluation.own_first import left_out, own_text_first
from embedtune.evaluation.rankers import Run
from embedtune.evaluation.tasks.judged_arrays import JudgedSet, as_arrays
from embedtune.evaluation.tasks.retrieval import demand_judged
from embedtune.evaluation.trec import blank_findings, run_findings, write_run
from embedtune.evaluation.unjudged.bounds import FEW, judged_share
from embedtune.evaluation.verdicts.evidence import Evidence, System, gather_evidence
from embedtune.findings import Finding, counted
from embedtune.models.encoder import Encoder, Role
from embedtune.workflows.evaluate.judging import few_judged, judged_part, pool_records
from embedtune.workflows.evaluate.known_training import Training
from embedtune.workflows.evaluate.result import compare_with_first, per_query_lines, row_of
from embedtune.workflows.evaluate.systems import Scored, Systems
from embedtune.workflows.shared.evaluation_folder import file_name
from embedtune.workflows.shared.truncation import truncation_findings


class RetrievalTask:
    """A judged set and its rankings.

    Args:
        metrics: of the rankings; comparisons use the first.
        training: what is known about the training data of the systems; comparisons rest on queries unseen there.
        dev: reads the judged queries of the dev split; None where there is none.

    Raises:
        DataError: nothing can be scored on it.
    """

    kind = "retrieval"

    def __init__(
        self,
        source: JudgedSource,
        metrics: Sequence[str],
        training: Training,
        dev: Callable[[], RetrievalSet] | None = None,
    ) -> None:
        self.source, self._dev_set = source, dev
        self.judged: JudgedSet = as_arrays(source.judged)
        demand_judged(self.judged)
        self.described = source.described
        scored = _scored_part(source.judged, self.judged.query_ids)
        leaks, self._unseen = training.leaks(scored)
        self._noted = [*source.findings, *_findings(self.judged), *blank_findings(self.judged), *leaks]
        self.hashes: Mapping[str, str] = source.hashes
        self.scored: list[Scored] = []
        self._metric = str(parse_metric(metrics[0]))

    @property
    def name(self) -> str:
        """The name of the set."""
        return self.judged.name

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What to know about the set and the rankings so far."""
        return (*self._noted, *few_judged(self._judged_shares(self._compared())))

    @property
    def starter_texts(self) -> list[str]:
        """The documents."""
        return list(self.judged.documents)

    def rename(self, name: str) -> None:
        """Take another name, if two sets have the same one."""
        self.judged = replace(self.judged, name=name)

    def by_encoder(self, systems: Systems, name: str, encoder: Encoder) -> None:
        """Score an encoder with full, cut and quantised vectors."""
        texts: dict[Role, Sequence[str]] = {"query": self.judged.queries, "document": self.judged.documents}
        cut = systems.truncations(encoder, texts, self.name)
        self._noted += [*truncation_findings(name, cut), *systems.similarity(encoder)]
        self._add(*(replace(one, truncated=cut) for one in systems.rank_by_vectors(name, encoder, self.judged)))

    def by_words(self, systems: Systems) -> None:
        """Score BM25."""
        scored, how = systems.rank_by_words(self.judged)
        self._add(scored)
        self.described = (*self.described, how)

    def by_both(self, systems: Systems, name: str, encoder: Encoder) -> None:
        """Score BM25 and an encoder joined; rankings that were made for rows of their own are used again.

        Raises:
            ConfigError: a weight is asked for, and there is no dev split to choose it on.
        """
        ready = {one.label: one for one in self.scored}
        member = member_of(name)
        weight = self._weight(systems, member, encoder) if systems.weighs else None
        words = ready[BM25] if BM25 in ready else systems.rank_by_words(self.judged)[0]
        vectors = ready.get(member) or next(systems.rank_by_vectors(member, encoder, self.judged))
        self._add(systems.rank_beside_words(name, words.ranking, vectors.ranking, self.judged, weight))
        how = "by reciprocal ranks" if weight is None else f"with {weight:g} of the encoder's score, chosen on dev"
        self.described = (*self.described, f"{name} joins the rankings of {BM25} and {member} {how}")

    def _weight(self, systems: Systems, member: str, encoder: Encoder) -> float:
        """The weight of the encoder that is best on the dev queries."""
        dev = self._dev()
        words, vectors = systems.first_rankings(member, encoder, dev)

        def mean(weight: float) -> float:
            scored = systems.rank_beside_words(member, words.ranking, vectors.ranking, dev, weight)
            return scored.scores.means[self._metric]

        return best_weight(mean)

    def _dev(self) -> JudgedSet:
        """The judged queries of the dev split."""
        if self._dev_set is None:
            raise ConfigError(
                f"{self.name} has no dev split to choose the weight on",
                where="--fusion weighted",
                next="leave it out: reciprocal ranks need no weight",
            )
        return as_arrays(self._dev_set())

    def by_run(self, systems: Systems, path: str, run: Run) -> None:
        """Score a ranking from a file."""
        self._add(systems.score_run(path, run, self.judged))
        self._noted += run_findings(path, run, self.judged, self.source.judged.queries)

    def add_rerankings(self, found: Iterable[Scored]) -> None:
        """Add rankings that a reranker made of those that are here."""
        for one in found:
            self._add(one)

    def _add(self, *scored: Scored) -> None:
        """Add systems, the first of several being that of full vectors."""
        self.scored += scored
        self._noted += own_text_first(scored[0].label, scored[0].ranking, self.judged)

    def rows(self, folder: Path, *, alone: bool, seed: int) -> list[dict[str, Any]]:
        """The rows of the result, one per system; also writes its rankings.

        Args:
            folder: of the evaluation.
            alone: whether this is its only set, so that file names need not name the set.
            seed: of the draws.
        """
        files = self._run_files(folder, alone)
        return [
            row_of(one, self.name, file, seed=seed, unseen=self._unseen)
            | judged_part(parse_metric(self._metric), self.judged, one.ranking.positions)
            for one, file in zip(self.scored, files, strict=True)
        ]

    def comparisons(self, *, seed: int) -> list[dict[str, Any]]:
        """Every other system against the first, and cut and quantised vectors against full ones."""
        found = compare_with_first(self.scored, self.name, self._metric, seed=seed, unseen=self._unseen)
        shares = self._judged_shares(self.scored)
        return [{**one, "few_judged": min(shares[one["a"]], shares[one["b"]]) < FEW} for one in found]

    def pool(self, *, seed: int) -> Iterator[dict[str, Any]]:
        """The documents to judge next for the comparisons, the first to judge first."""
        return pool_records(self.judged, self._compared(), self._metric, self._rows(), seed=seed)

    def _systems(self) -> list[Scored]:
        """The systems without those of cut and quantised vectors."""
        return [one for one in self.scored if one.label == one.model or one.reranked]

    def _compared(self) -> list[Scored]:
        """Systems that are compared, the first being the one that others are compared with."""
        systems = self._systems()
        return systems if len(systems) > 1 else self.scored

    def _judged_shares(self, scored: Sequence[Scored]) -> dict[str, float]:
        """Label -> which share of the first documents is judged."""
        k = parse_metric(self._metric).k
        return {one.label: judged_share(self.judged, one.ranking.positions, k) for one in scored}

    def _rows(self) -> np.ndarray:
        """Numbers (n,) of the queries that comparisons rest on: the unseen ones if there are any, else all."""
        unseen = [row for row, query in enumerate(self.judged.query_ids) if self._unseen and query in self._unseen]
        return np.array(unseen) if unseen else np.arange(len(self.judged.query_ids))

    def evidence(self) -> Evidence:
        """What the comparisons of full vectors rest on, on the unseen queries if there are any."""
        systems = [
            System(
                one.label,
                one.ranking,
                one.scores.per_query[self._metric],
                by_vectors=one.dimensions is not None,
                beside=one.model if one.reranked else None,
            )
            # Plots of cut and quantised vectors against full ones are not worth a page.
            for one in self._systems()
        ]
        rows = self._rows()
        unseen = bool(self._unseen) and len(rows) < len(self.judged.query_ids)
        return gather_evidence(self.judged, systems, self._metric, rows=rows, on="unseen" if unseen else "all")

    def lines(self) -> Iterator[str]:
        """One line of values per query."""
        return per_query_lines(self.scored, self.name, self.judged, self._unseen)

    def _run_files(self, folder: Path, alone: bool) -> list[Path]:
        """Write the rankings that were made here; the file of each, or the file that it was read from."""
        files: list[Path] = []
        for one in self.scored:
            path = Path(one.model)
            if one.ranked_here:
                ending = "" if alone else f".{file_name(self.name)}"
                path = _unlike(folder / f"{_file_of(one.label)}{ending}.trec", files)
                write_run(path, one.ranking, self.judged, _file_of(one.label))
            files.append(path)
        return files


def _file_of(label: str) -> str:
    """The name of a system's file; that of a hybrid names both."""
    return f"{BESIDE}{file_name(member_of(label))}" if is_hybrid(label) else file_name(label)


def _scored_part(judged: RetrievalSet, query_ids: Sequence[str]) -> RetrievalSet:
    """The set without queries that have no relevant documents; those would count as unseen."""
    queries = {query: judged.queries[query] for query in query_ids}
    return replace(judged, queries=queries, qrels={query: judged.qrels[query] for query in query_ids})


def _findings(judged: JudgedSet) -> list[Finding]:
    return [*weak_test(len(judged.query_ids), counted(len(judged.query_ids), "query")), *left_out(judged)]


def _unlike(path: Path, taken: Iterable[Path]) -> Path:
    """The path, with a number if another system or set has the same file name."""
    candidate, number = path, 2
    while candidate in taken or candidate.exists():
        candidate, number = path.with_stem(f"{path.stem}-{number}"), number + 1
    return candidate
