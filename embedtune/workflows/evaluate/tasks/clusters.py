"""Labelled texts as clusters: does k-means, told how many labels there are, find them again?"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from embedtune.clustering.measures.agreement import codes
from embedtune.clustering.measures.mteb import DRAWN, DRAWS, mteb_measures
from embedtune.config.systems import BM25
from embedtune.data.checks.quick import weak_test
from embedtune.data.rows import LabelledTexts
from embedtune.data.sources.judged_source import OpenSplit
from embedtune.errors import ConfigError, DataError
from embedtune.evaluation.rankers import Run
from embedtune.findings import counted
from embedtune.models.encode.lengths import Truncation
from embedtune.models.encoder import Encoder, Role
from embedtune.workflows.evaluate.result import against_first
from embedtune.workflows.evaluate.systems import Systems
from embedtune.workflows.shared.clusters.labelled import (
    SEEDS,
    STARTS,
    LabelledClusters,
    compare_clusters,
    labelled_clusters,
)
from embedtune.workflows.shared.truncation import truncation_findings

BY_MTEB = (
    f"mteb's protocol: {DRAWS} draws of {DRAWN:,} texts with replacement, one start of mini-batch k-means each; these "
    "figures compare with those of its leaderboard, and not with the others"
)


@dataclass(frozen=True)
class ClusteredSystem:
    """An encoder and how well its clusters agree with the labels.

    Args:
        label: distinguishes it: the model, with "@64" if its vectors were cut.
        model: as the user named it.
        dimensions: of its vectors.
        clusters: of its vectors.
        mteb: figures by mteb's protocol, where they were asked for.
        truncated: what it cuts off texts; empty if it cuts nothing.
    """

    label: str
    model: str
    dimensions: int
    clusters: LabelledClusters
    mteb: Mapping[str, float] = field(default_factory=dict)
    truncated: Mapping[Role, Truncation] = field(default_factory=dict)


class ClustersTask:
    """A set of labelled texts and the encoders whose vectors are clustered; `mteb` adds figures by mteb's protocol.

    Raises:
        DataError: there are fewer than two labels.
    """

    kind = "clusters"

    def __init__(self, opened: OpenSplit, texts: LabelledTexts, seed: int, *, mteb: bool = False) -> None:
        self.name, self.hashes, self._seed, self._mteb = opened.name, opened.hashes, seed, mteb
        self._texts, self._truth = texts.texts, codes(texts.labels)
        self._labels = int(self._truth.max(initial=-1)) + 1
        if self._labels < 2:
            raise DataError("all texts have the same label, so there is nothing to find", where=opened.source.name)
        how = f"k-means with K = {self._labels}, the best of {STARTS} starts, means over {SEEDS} seeds"
        self.described: tuple[str, ...] = (f"{opened.what}: {counted(len(texts), 'text')}", f"clusters by {how}")
        if mteb:
            self.described += (BY_MTEB,)
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
            with systems.progress(f"{label}: clustering {self.name}", None) as tell:
                clusters = labelled_clusters(vectors, self._truth, seed=self._seed, progress=tell)
            mteb = self._by_mteb(systems, label, encoder, size) if self._mteb else {}
            self.scored.append(ClusteredSystem(label, name, size, clusters, mteb, cut))

    def _by_mteb(self, systems: Systems, label: str, encoder: Encoder, size: int) -> dict[str, float]:
        """The figures of mteb, which clusters vectors of the lengths that the encoder gives them."""
        vectors = systems.raw_vectors(encoder, self._texts, f"the texts of {self.name}")[:, :size]
        with systems.progress(f"{label}: clustering {self.name} by mteb's protocol", None) as tell:
            return mteb_measures(vectors, self._truth, progress=tell)

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
                "metrics": {**one.clusters.means, **one.mteb},
                "intervals": {name: list(ends) for name, ends in one.clusters.intervals.items()},
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
        found = [compare_clusters(first.clusters, other.clusters, seed=seed) for other in others]
        return against_first([one.label for one in self.scored], found, self.name)

    def evidence(self) -> None:
        """None: nothing is ranked."""

    def lines(self) -> Iterator[str]:
        """None: a text has no score of its own, only a part in that of all."""
        return iter(())
