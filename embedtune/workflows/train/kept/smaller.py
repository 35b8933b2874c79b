"""What the test split scores with vectors cut or stored in fewer bits, where training asked for such vectors.

Scored from the vectors of the test itself, so nothing is encoded twice. The means before training are written when they
are measured: a resumed run has no longer the encoder that it began with.
"""

import json
from collections.abc import Iterator, Set
from dataclasses import dataclass, field

import numpy as np

from embedtune.config.systems import StoredAs
from embedtune.config.verbs.train import TrainConfig
from embedtune.distributed import is_first
from embedtune.durable import read_sealed, write_sealed
from embedtune.evaluation.rankers import by_vectors, unit_prefix
from embedtune.evaluation.tasks.judged_arrays import JudgedSet
from embedtune.evaluation.tasks.retrieval import RetrievalScores, score_ranking
from embedtune.evaluation.verdicts.significance import compare_paired
from embedtune.reports.results.train import SmallerRow
from embedtune.search.quantised import bytes_per_vector
from embedtune.workflows.shared.run_folder import RunFolder
from embedtune.workflows.shared.scoring import PRIMARY

_DEPTH = 10
_NAME = "before.smaller"
"""Among the checkpoints, with which it is removed."""


@dataclass
class SmallerVectors:
    """The test split with vectors of every size and kind that the recipe trains for.

    Args:
        config: of the run.
        unseen: ids of the queries that the verdict rests on; empty for all.
        folder: of the run.
    """

    config: TrainConfig
    unseen: Set[str]
    folder: RunFolder
    _after: dict[str, RetrievalScores] = field(default_factory=dict, init=False)
    _dimensions: int = field(default=0, init=False)

    @property
    def wanted(self) -> bool:
        """Whether the recipe trains for any."""
        return bool(self.config.matryoshka.dimensions or self.config.quantize_aware.kinds)

    def before(self, judged: JudgedSet, queries: np.ndarray, documents: np.ndarray) -> None:
        """Score and write down the vectors before training: (Q, D) and (C, D)."""
        if self.wanted and is_first():
            means = {label: one.means[PRIMARY] for label, one in self._scored(judged, queries, documents)}
            write_sealed(self.folder.checkpoints / _NAME, json.dumps(means).encode())

    def after(self, judged: JudgedSet, queries: np.ndarray, documents: np.ndarray) -> None:
        """Score the vectors after training: (Q, D) and (C, D)."""
        if self.wanted:
            self._dimensions = documents.shape[1]
            self._after = dict(self._scored(judged, queries, documents))

    def rows(self) -> tuple[SmallerRow, ...]:
        """Each size and kind, before and after, and against the full vectors in the end; empty if none was asked."""
        if not self._after:
            return ()
        kept = read_sealed(self.folder.checkpoints / _NAME)
        before = {} if kept is None else json.loads(kept)
        return tuple(self._row(size, kind, before) for size, kind in self._forms(self._dimensions))

    def _row(self, size: int, kind: StoredAs | None, before: dict[str, float]) -> SmallerRow:
        full, own = (self._after[label] for label in (_label(self._dimensions, None), _label(size, kind)))
        found = compare_paired(
            full.per_query[PRIMARY],
            own.per_query[PRIMARY],
            metric=PRIMARY,
            on="all",
            groups=own.groups,
            seed=self.config.training.seed,
        )
        return SmallerRow(
            dimensions=size,
            stored=kind,
            bytes_per_vector=bytes_per_vector(kind, size),
            before=before.get(_label(size, kind)),
            after=own.means[PRIMARY],
            difference=found.difference,
            interval=found.interval,
        )

    def _scored(
        self, judged: JudgedSet, queries: np.ndarray, documents: np.ndarray
    ) -> Iterator[tuple[str, RetrievalScores]]:
        """Label and scores of each form."""
        for size, kind in self._forms(documents.shape[1]):
            asked, stored = (unit_prefix(one, size) for one in (queries, documents))  # (Q, size), (C, size)
            scores = score_ranking(by_vectors(asked, stored, _DEPTH, judged, quantised=kind), judged, (PRIMARY,))
            chosen = [one for one in scores.query_ids if one in self.unseen]
            yield _label(size, kind), scores.only(chosen) if chosen else scores

    def _forms(self, dimensions: int) -> Iterator[tuple[int, StoredAs | None]]:
        """All sizes, the largest first, each in full and in every kind."""
        kinds: list[StoredAs] = self.config.quantize_aware.kinds
        for size in sorted({dimensions, *self.config.matryoshka.dimensions}, reverse=True):
            yield from ((size, kind) for kind in (None, *kinds))


def _label(size: int, kind: StoredAs | None) -> str:
    return f"{size}/{kind}" if kind else str(size)
