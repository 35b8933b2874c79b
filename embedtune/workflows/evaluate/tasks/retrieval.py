"""Retrieval: queries with relevant documents in a corpus, which every system ranks."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from embedtune.data.checks.quick import weak_test
from embedtune.data.rows import RetrievalSet
from embedtune.data.sources.judged_source import JudgedSource
from embedtune.evaluation.evidence import Evidence, System, gather_evidence
from embedtune.evaluation.metrics import parse_metric
from embedtune.evaluation.own_first import left_out, own_text_first
from embedtune.evaluation.rankers import Run
from embedtune.evaluation.tasks.judged_arrays import JudgedSet, as_arrays
from embedtune.evaluation.tasks.retrieval import demand_judged
from embedtune.evaluation.trec import blank_findings, run_findings, write_run
from embedtune.findings import Finding, counted
from embedtune.models.encoder import Encoder, Role
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

    Raises:
        DataError: nothing can be scored on it.
    """

    kind = "retrieval"

    def __init__(self, source: JudgedSource, metrics: Sequence[str], training: Training) -> None:
        self.source = source
        self.judged: JudgedSet = as_arrays(source.judged)
        demand_judged(self.judged)
        self.described = source.described
        scored = _scored_part(source.judged, self.judged.query_ids)
        leaks, self._unseen = training.leaks(scored)
        self.findings = (*source.findings, *_findings(self.judged), *blank_findings(self.judged), *leaks)
        self.hashes: Mapping[str, str] = source.hashes
        self.scored: list[Scored] = []
        self._metric = str(parse_metric(metrics[0]))

    @property
    def name(self) -> str:
        """The name of the set."""
        return self.judged.name

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
        self.findings += tuple(truncation_findings(name, cut))
        self.findings += tuple(systems.similarity(encoder))
        self._add(*(replace(one, truncated=cut) for one in systems.rank_by_vectors(name, encoder, self.judged)))

    def by_words(self, systems: Systems) -> None:
        """Score BM25."""
        scored, how = systems.rank_by_words(self.judged)
        self._add(scored)
        self.described = (*self.described, how)

    def by_run(self, systems: Systems, path: str, run: Run) -> None:
        """Score a ranking from a file."""
        self._add(systems.score_run(path, run, self.judged))
        self.findings += tuple(run_findings(path, run, self.judged, self.source.judged.queries))

    def _add(self, *scored: Scored) -> None:
        """Add systems, the first of several being that of full vectors."""
        self.scored += scored
        self.findings += tuple(own_text_first(scored[0].label, scored[0].ranking, self.judged))

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
            for one, file in zip(self.scored, files, strict=True)
        ]

    def comparisons(self, *, seed: int) -> list[dict[str, Any]]:
        """Every other system against the first, and cut and quantised vectors against full ones."""
        return compare_with_first(self.scored, self.name, self._metric, seed=seed, unseen=self._unseen)

    def evidence(self) -> Evidence:
        """What the comparisons of full vectors rest on, on the unseen queries if there are any."""
        systems = [
            System(one.label, one.ranking, one.scores.per_query[self._metric], by_vectors=one.dimensions is not None)
            for one in self.scored
            if one.label == one.model  # plots of cut and quantised vectors against full ones are not worth a page
        ]
        rows = [row for row, query in enumerate(self.judged.query_ids) if self._unseen and query in self._unseen]
        if not rows:
            return gather_evidence(self.judged, systems, self._metric)
        return gather_evidence(self.judged, systems, self._metric, rows=np.array(rows), on="unseen")

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
                path = _unlike(folder / f"{file_name(one.label)}{ending}.trec", files)
                write_run(path, one.ranking, self.judged, file_name(one.label))
            files.append(path)
        return files


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
