"""One map from checked options to its report: encode with both, fit, test both sides, save the asked one."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from embedtune.config.verbs.adapt import AdaptConfig
from embedtune.data.rows import RetrievalSet
from embedtune.durable import write_text
from embedtune.errors import ConfigError, DataError
from embedtune.evaluation.rankers import Ranking, by_vectors
from embedtune.evaluation.tasks.items import bootstrap, interval_of
from embedtune.evaluation.tasks.judged_arrays import JudgedSet, as_arrays
from embedtune.evaluation.tasks.retrieval import RetrievalScores, score_ranking
from embedtune.evaluation.verdicts.significance import Comparison, compare_paired
from embedtune.findings import Finding, counted
from embedtune.models.encode.store import open_store
from embedtune.models.encoder import Role, has_routes
from embedtune.models.endpoints.address import is_endpoint
from embedtune.models.files.save import save_encoder
from embedtune.models.maps.fit import FittedMap, fit_map
from embedtune.models.maps.save_map import mapped_encoder, write_map
from embedtune.reports.adapt import adapting
from embedtune.reports.document.html import page
from embedtune.reports.document.markdown import markdown
from embedtune.reports.results.adapt import AdaptResult, WayRow
from embedtune.workflows.shared.evaluation_folder import REPORT
from embedtune.workflows.shared.machine import machine_facts
from embedtune.workflows.shared.spaces.agreement import overlap
from embedtune.workflows.shared.spaces.sides import SpaceSide
from embedtune.workflows.shared.spaces.texts import FEWEST_FIT, SpaceTexts
from embedtune.workflows.shared.talk import Talk

MATRIX, MODEL, RESULT = "map.safetensors", "model", "adapt.json"
RECALL, NDCG, DEPTH = "recall@10", "ndcg@10", 10
GOOD = 0.95
"""The share of Recall@10 from which a map is advised even where a loss can be shown."""
TIMED = 4_096
FULL, STAY = "everything encoded by the new encoder", "everything by the old encoder"
SIDES = {"queries": "new queries mapped, old index", "documents": "old index mapped, new queries"}


@dataclass
class Adapting:
    """A map in the making.

    Args:
        old: the encoder that made the index.
        new: the encoder that is to be used.
        texts: to fit on and to test on.
        folder: a new folder for everything.
        started: `time.perf_counter()` when the command began.
    """

    config: AdaptConfig
    old: str
    new: str
    texts: SpaceTexts
    folder: Path
    talk: Talk
    started: float
    findings: list[Finding] = field(default_factory=list)

    def run(self) -> AdaptResult:
        """All stages, in order."""
        old, new = self._side(self.old), self._side(self.new)
        judged = self._known(old, new)
        found = self._fitted(old, new)
        vectors: dict[tuple[str, Role], np.ndarray] = {}
        for side in (old, new):
            vectors[side.name, "query"] = side.vectors(judged.queries, "query")
            vectors[side.name, "document"] = side.vectors(judged.documents, "document")

        def q(side: SpaceSide) -> np.ndarray:
            return vectors[side.name, "query"]

        def d(side: SpaceSide) -> np.ndarray:
            return vectors[side.name, "document"]

        rankings = {
            FULL: by_vectors(q(new), d(new), DEPTH, judged),
            STAY: by_vectors(q(old), d(old), DEPTH, judged),
            SIDES["queries"]: by_vectors(found["queries"].found(q(new)), d(old), DEPTH, judged),
            SIDES["documents"]: by_vectors(q(new), found["documents"].found(d(old)), DEPTH, judged),
        }
        return self._finish(old if self._side_asked == "documents" else new, found[self._side_asked], judged, rankings)

    @property
    def _side_asked(self) -> str:
        return self.config.mapping.side

    def _side(self, name: str) -> SpaceSide:
        run = self.config.run
        side = SpaceSide(name, self.config.models.section(name), run.device, open_store(run.store), self.talk)
        if not side.is_file and not side.encoder.is_trainable:
            raise ConfigError(f"{name} is an export, and a map cannot be put behind it", where="--from, --to")
        if not side.is_file and side.encoder.model.truncate_dim is not None:
            raise ConfigError(
                f"{name} cuts its vectors (truncate_dim), and a map cannot be put behind that", where="--from, --to"
            )
        return side

    def _known(self, old: SpaceSide, new: SpaceSide) -> JudgedSet:
        """The test set, without texts that a file of vectors lacks."""
        own = self.texts.judged
        kept: dict[Role, set[str]] = {}
        named_texts: list[tuple[Role, Mapping[str, str]]] = [("query", own.queries), ("document", own.corpus)]
        for role, named in named_texts:
            texts = list(named.values())
            there = old.has(texts, role) & new.has(texts, role)
            kept[role] = {key for key, known in zip(named, there.tolist(), strict=True) if known}
        corpus = {key: text for key, text in own.corpus.items() if key in kept["document"]}
        queries = {key: text for key, text in own.queries.items() if key in kept["query"]}
        qrels = {key: {d: g for d, g in own.qrels.get(key, {}).items() if d in corpus} for key in queries}
        judged = as_arrays(RetrievalSet(own.name, queries, corpus, qrels))
        if len(judged.query_ids) < 2 or not corpus:
            raise DataError(
                "the file of vectors has hardly any of the test texts",
                where=self.config.data.source,
                next="it needs the queries and documents of this set, with their exact texts",
            )
        return judged

    def _fitted(self, old: SpaceSide, new: SpaceSide) -> dict[str, FittedMap]:
        """A map for each side, fitted on texts that are not tested on."""
        sources: list[tuple[np.ndarray, np.ndarray]] = []
        fitted: list[tuple[Role, Sequence[str]]] = [("document", self.texts.documents), ("query", self.texts.queries)]
        for role, texts in fitted:
            there = old.has(texts, role) & new.has(texts, role)
            known = [text for text, is_known in zip(texts, there.tolist(), strict=True) if is_known]
            if known:
                sources.append((old.vectors(known, role), new.vectors(known, role)))
        count = sum(len(one) for one, _ in sources)
        if count < FEWEST_FIT:
            raise DataError(
                f"a map needs at least {FEWEST_FIT} texts besides those it is tested on; there are {count}",
                where=self.config.data.source,
                next="give more texts",
            )
        x, y = (np.concatenate([pair[place] for pair in sources]) for place in (0, 1))
        kind = None if self.config.mapping.kind == "auto" else self.config.mapping.kind
        with self.talk.progress(f"fitting on {counted(count, 'text')}"):
            return {
                "queries": fit_map(y, x, kind, seed=self.config.run.seed),
                "documents": fit_map(x, y, kind, seed=self.config.run.seed),
            }

    def _finish(
        self, mapped: SpaceSide, found: FittedMap, judged: JudgedSet, rankings: dict[str, Ranking]
    ) -> AdaptResult:
        write_map(found.found, self.folder / MATRIX)
        model = self._save(mapped, found)
        scores = {way: score_ranking(one, judged, (RECALL, NDCG)) for way, one in rankings.items()}
        way = SIDES[self._side_asked]
        shares = {name: overlap(rankings[FULL], one) for name, one in rankings.items()}
        full, kept = (
            (scores[name].per_query[RECALL] for name in (FULL, way))
            if self.texts.is_judged
            else (shares[name] for name in (FULL, way))
        )
        drawn = bootstrap(len(full), lambda times: (times @ kept) / np.maximum(times @ full, 1e-12), seed=0)
        verdict = compare_paired(full, kept, metric=RECALL, seed=self.config.run.seed)
        share = float(kept.sum() / max(full.sum(), 1e-12))
        usable, sentence = self._advice(verdict, share, scores, way)
        result = AdaptResult(
            output=str(self.folder),
            matrix=str(self.folder / MATRIX),
            model=model,
            side=self._side_asked,
            kind=found.found.kind,
            recall_kept=round(share, 4),
            interval=interval_of(drawn),
            elapsed_us_per_query=_microseconds(found),
            cosines={kind: round(value, 4) for kind, value in found.cosines.items()},
            fitted_on=found.fitted_on,
            ways=tuple(
                WayRow(
                    way=name,
                    recall=scores[name].means[RECALL] if self.texts.is_judged else None,
                    ndcg=scores[name].means[NDCG] if self.texts.is_judged else None,
                    overlap=float(shares[name].mean()),
                )
                for name in rankings
            ),
            verdict=verdict,
            usable=usable,
            sentence=sentence,
            elapsed_s=round(time.perf_counter() - self.started, 2),
            queries=len(judged.query_ids),
            documents=len(judged.documents),
            findings=(*self.texts.findings, *self.findings),
            described=self.texts.described,
            facts={
                **machine_facts(self.config.models.section(one) for one in self._models),
                "data_sha256": dict(self.texts.hashes),
                "options": self.config.model_dump(),
            },
            report=str(self.folder / REPORT),
        )
        write_text(self.folder / RESULT, json.dumps(result.as_json(), ensure_ascii=False, indent=2) + "\n")
        report = adapting(result)
        write_text(self.folder / REPORT, page(report))
        write_text((self.folder / REPORT).with_suffix(".md"), markdown(report))
        return result

    @property
    def _models(self) -> Sequence[str]:
        return [name for name in (self.old, self.new) if not self._side_is_file(name)]

    def _side_is_file(self, name: str) -> bool:
        return SpaceSide(name, self.config.models.section(name), "cpu", None, self.talk).is_file

    def _save(self, mapped: SpaceSide, found: FittedMap) -> str:
        """The encoder with the map behind it; "" where its vectors come from elsewhere, or where it has two routes."""
        if mapped.is_file or is_endpoint(mapped.name) or has_routes(mapped.encoder.model):
            return ""
        save_encoder(mapped_encoder(mapped.encoder, found.found), self.folder / MODEL)
        return str(self.folder / MODEL)

    def _advice(
        self, verdict: Comparison, share: float, scores: dict[str, RetrievalScores], way: str
    ) -> tuple[bool, str]:
        """Whether the map is advised, and why, in words."""
        what = "Recall@10" if self.texts.is_judged else "first ten documents"
        kept = f"It keeps {share:.1%} of the {what} of encoding everything again with {self.new}"
        if share < GOOD and verdict.verdict == "worse":
            return False, f"Do not use it: {kept[0].lower()}{kept[1:]}; encode the documents again."
        if not self.texts.is_judged:
            return True, f"{kept}. Nothing is judged here, so whether that is better than before is not known."
        stay = compare_paired(scores[STAY].per_query[NDCG], scores[way].per_query[NDCG], metric=NDCG)
        if stay.verdict == "worse":
            return (
                False,
                f"Do not use it: it is worse than using {self.old} for everything ({stay.difference:+.3f} nDCG@10).",
            )
        if stay.verdict == "better":
            return True, f"{kept}, and is better than {self.old} for everything ({stay.difference:+.3f} nDCG@10)."
        return True, f"{kept}; no gain over {self.old} for everything was shown, so the change may not be worth it."


def _microseconds(found: FittedMap) -> float:
    """Time per vector in a batch, the fastest of five."""
    batch = np.random.default_rng(0).normal(size=(TIMED, len(found.found.weight))).astype(np.float32)
    times = []
    for _ in range(5):
        began = time.perf_counter()
        found.found(batch)
        times.append(time.perf_counter() - began)
    return round(min(times) / TIMED * 1e6, 3)
