"""Labelled texts as clusters: does k-means, told how many labels there are, find them again?"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from embedtune.clustering.measures.agreement import Agreement, agreement, codes
from embedtune.clustering.measures.pseudo_values import ami_pseudo_values, halves, refitted_interval
from embedtune.config.systems import BM25
from embedtune.data.checks.quick import weak_test
from embedtune.data.rows import LabelledTexts
from embedtune.data.sources.judged_source import OpenSplit
from embedtune.errors import ConfigError, DataError
from embedtune.evaluation.rankers import Run
from embedtune.evaluation.verdicts.seeds import compare_seeds, with_error
from embedtune.findings import counted
from embedtune.models.encode.lengths import Truncation
from embedtune.models.encoder import Encoder, Role
from embedtune.search.kmeans import best_kmeans
from embedtune.workflows.evaluate.result import against_first
from embedtune.workflows.evaluate.systems import Systems
from embedtune.workflows.shared.truncation import truncation_findings

SEEDS = 10
STARTS = 10
MEASURES = ("ami", "v_measure", "ari", "homogeneity", "completeness")


@dataclass(frozen=True)
class ClusteredSystem:
    """An encoder and how well its clusters agree with the labels.

    Args:
        label: distinguishes it: the model, with "@64" if its vectors were cut.
        model: as the user named it.
        dimensions: of its vectors.
        agreements: one per seed.
        values: pseudo-values of AMI, whose mean over texts is AMI: (seeds, n).
        intervals: measure -> 95% interval, over texts, the clusters found in them, and seeds.
        refits: AMI on halves of the texts that were clustered from scratch, the same halves for all systems.
        truncated: what it cuts off texts; empty if it cuts nothing.
    """

    label: str
    model: str
    dimensions: int
    agreements: Sequence[Agreement]
    values: np.ndarray
    intervals: Mapping[str, tuple[float, float]]
    refits: Sequence[float]
    truncated: Mapping[Role, Truncation] = field(default_factory=dict)


class ClustersTask:
    """A set of labelled texts and the encoders whose vectors are clustered.

    Raises:
        DataError: there are fewer than two labels.
    """

    kind = "clusters"

    def __init__(self, opened: OpenSplit, texts: LabelledTexts, seed: int) -> None:
        self.name, self.hashes, self._seed = opened.name, opened.hashes, seed
        self._texts, self._truth = texts.texts, codes(texts.labels)
        self._labels = int(self._truth.max(initial=-1)) + 1
        if self._labels < 2:
            raise DataError("all texts have the same label, so there is nothing to find", where=opened.source.name)
        how = f"k-means with K = {self._labels}, the best of {STARTS} starts, means over {SEEDS} seeds"
        self.described: tuple[str, ...] = (f"{opened.what}: {counted(len(texts), 'text')}", f"clusters by {how}")
        self.findings = (*opened.findings, *weak_test(len(texts), counted(len(texts), "text")))
        self.scored: list[ClusteredSystem] = []

    @property
    def starter_texts(self) -> list[str]:
        """All texts."""
        return list(dict.fromkeys(self._texts))

    def rename(self, name: str) -> None:
        """Take another name, if two sets have the same one."""
        self.name = name

    def by_encoder(self, systems: Systems, name: str, encoder: Encoder) -> None:
        """Cluster full and cut vectors."""
        cut = systems.truncations(encoder, {"document": self._texts}, self.name)
        self.findings += tuple(truncation_findings(name, cut))
        for label, size, vectors in systems.vectors_of(name, encoder, self._texts, f"the texts of {self.name}"):
            with systems.progress(f"{label}: clustering {self.name}", SEEDS) as tell:
                runs = []
                for number in range(SEEDS):
                    found = best_kmeans(vectors, self._labels, seed=self._seed + number, starts=STARTS)
                    runs.append(found.clusters)
                    tell(number + 1, SEEDS)
                refits = [self._refit(vectors, rows) for rows in halves(len(self._truth), seed=self._seed)]
            self.scored.append(self._judged(label, name, size, runs, refits, cut))

    def _refit(self, vectors: np.ndarray, rows: np.ndarray) -> Agreement:
        """The agreement of clusters found in some of the texts alone."""
        found = best_kmeans(vectors[rows], self._labels, seed=self._seed, starts=STARTS)
        return agreement(self._truth[rows], found.clusters)

    def _judged(
        self,
        label: str,
        name: str,
        size: int,
        runs: Sequence[np.ndarray],
        refits: Sequence[Agreement],
        cut: Mapping[Role, Truncation],
    ) -> ClusteredSystem:
        found = [agreement(self._truth, run) for run in runs]
        values = np.stack([ami_pseudo_values(self._truth, run) for run in runs])  # (seeds, n)
        means = {one: float(np.mean([getattr(own, one) for own in found])) for one in MEASURES}
        ends = {one: refitted_interval(means[one], [getattr(own, one) for own in refits]) for one in MEASURES[:3]}
        return ClusteredSystem(label, name, size, found, values, ends, [own.ami for own in refits], cut)

    def by_words(self, systems: Systems) -> None:
        """Refuse: BM25 has no vectors.

        Raises:
            ConfigError: always.
        """
        raise ConfigError(
            f"{BM25} has no vectors to cluster", where="--model", next=f"leave out {BM25}, or --task clusters"
        )

    def by_both(self, systems: Systems, name: str, encoder: Encoder) -> None:
        """Refuse: nothing is ranked.

        Raises:
            ConfigError: always.
        """
        what = f"{name} joins two rankings of a corpus, and {self.name} is clustered"
        raise ConfigError(what, where="--model", next="use a retrieval set, or name the encoder alone")

    def by_run(self, systems: Systems, path: str, run: Run) -> None:
        """Refuse: nothing is ranked.

        Raises:
            ConfigError: always.
        """
        what = f"a run ranks the documents of a corpus, and {self.name} is clustered"
        raise ConfigError(what, where="--run", next="use a retrieval set, or leave out --run")

    def rows(self, folder: Path, *, alone: bool, seed: int) -> list[dict[str, Any]]:
        """The rows of the result, one per system; there are no files."""
        return [
            {
                "task": self.kind,
                "model": one.model,
                "label": one.label,
                "data": self.name,
                "dimensions": one.dimensions,
                "metrics": {name: float(np.mean([getattr(own, name) for own in one.agreements])) for name in MEASURES},
                "intervals": {name: list(ends) for name, ends in one.intervals.items()},
                "items": "texts",
                "queries": len(self._texts),
                "documents": self._labels,
                "truncated": {role: cut.as_dict() for role, cut in one.truncated.items()},
                "run": None,
            }
            for one in self.scored
        ]

    def comparisons(self, *, seed: int) -> list[dict[str, Any]]:
        """Every other system against the first on AMI; texts, the clusters found in them and seeds are chance."""
        first, *others = self.scored
        found = []
        for other in others:
            one = compare_seeds(first.values, other.values, metric="ami", seed=seed)[0]
            error = float(np.std(np.subtract(other.refits, first.refits), ddof=1))
            found.append(replace(with_error(one, error, len(first.refits) - 1), items="texts"))
        return against_first([one.label for one in self.scored], found, self.name)

    def evidence(self) -> None:
        """None: nothing is ranked."""

    def lines(self) -> Iterator[str]:
        """None: a text has no score of its own, only a part in that of all."""
        return iter(())
