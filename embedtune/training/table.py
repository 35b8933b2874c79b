"""What is known about each training row beside its texts, looked up by row number.

sentence-transformers' collator passes on one integer per row; everything else a loss may need (text ids, labels,
teacher scores, known positives) is looked up here, so nothing is tokenised twice and no string reaches the training
step.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from embedtune.data.closure import closure_of
from embedtune.data.rows import Rows
from embedtune.losses import EmbeddingBatch
from embedtune.training.known import ClosurePositives, DirectPositives, Known


@dataclass(frozen=True)
class RowTable:
    """Columns by row number, as tensors. R rows, N negatives per row.

    Args:
        anchor_ids: (R,) int64.
        positive_ids: (R,) int64.
        negative_ids: (R, N) int64, 0 where `negatives_mask` is False.
        negatives_mask: (R, N) bool.
        labels: (R,) int64 or None.
        teacher_scores: (R, 1+N) or None.
        known: the known positives of each anchor.
    """

    anchor_ids: Tensor
    positive_ids: Tensor
    negative_ids: Tensor
    negatives_mask: Tensor
    labels: Tensor | None
    teacher_scores: Tensor | None
    known: Known

    @property
    def negatives(self) -> int:
        """N, the largest number of negatives that a row has."""
        return self.negative_ids.shape[1]

    def batch(
        self, rows: Tensor, vectors: Sequence[Tensor], *, step: int, guide: EmbeddingBatch | None
    ) -> EmbeddingBatch:
        """The batch of these rows.

        Args:
            rows: (B,) row numbers.
            vectors: the student's vectors by column: anchors, positives, then one tensor a negative, each (B, D).
            step: the global step.
            guide: the same rows as the guide sees them, or None.
        """
        device = vectors[0].device
        rows = rows.cpu()
        has_negatives = len(vectors) > 2

        def at(column: Tensor | None) -> Tensor | None:
            return None if column is None else column[rows].to(device)

        return EmbeddingBatch(
            anchors=vectors[0],
            positives=vectors[1],
            negatives=torch.stack(list(vectors[2:]), dim=1) if has_negatives else None,  # (B, N, D)
            negatives_mask=at(self.negatives_mask) if has_negatives else None,
            anchor_ids=at(self.anchor_ids),
            positive_ids=at(self.positive_ids),
            negative_ids=at(self.negative_ids) if has_negatives else None,
            labels=at(self.labels),
            teacher_scores=at(self.teacher_scores),
            known_positive_ids=self.known_among(rows, self._ids(rows)).to(device),
            step=step,
            guide=guide,
        )

    def _ids(self, rows: Tensor) -> Tensor:
        """The ids of all texts of these rows (C,)."""
        negatives = self.negative_ids[rows][self.negatives_mask[rows]]
        return torch.cat([self.anchor_ids[rows], self.positive_ids[rows], negatives])

    def known_among(self, rows: Tensor, candidate_ids: Tensor) -> Tensor:
        """(P, 2) pairs (position in `rows`, id): candidates (C,) known to be positives of these rows (B,)."""
        position, ids = self.known.pairs(self.anchor_ids[rows], candidate_ids)
        others = (ids != self.positive_ids[rows][position]) & (ids != self.anchor_ids[rows][position])
        return torch.stack([position[others], ids[others]], dim=1)


def build_table(
    rows: Rows, known_positives: np.ndarray, per_row: int | None = None, *, closure: bool = False
) -> RowTable:
    """The table of these rows.

    Args:
        rows: the training rows.
        known_positives: (P, 2) int64 pairs (anchor text id, positive text id).
        per_row: use at most this many negatives of each row; None: all.
        closure: texts connected by chains of these pairs are known positives of each other.
    """
    negative_ids, mask = _padded(rows, per_row)
    labels = None
    if rows.labels is not None:
        labels = torch.from_numpy(
            np.unique(np.asarray(rows.labels, dtype=str), return_inverse=True)[1].astype(np.int64)
        )
    scores = None
    if rows.teacher_scores is not None:
        width = 1 + negative_ids.shape[1]
        scores = torch.tensor([_fitted(list(row), width) for row in rows.teacher_scores])
    return RowTable(
        anchor_ids=torch.from_numpy(rows.anchor_ids),
        positive_ids=torch.from_numpy(rows.positive_ids),
        negative_ids=torch.from_numpy(negative_ids),
        negatives_mask=torch.from_numpy(mask),
        labels=labels,
        teacher_scores=scores,
        known=ClosurePositives(closure_of(known_positives)) if closure else DirectPositives(known_positives),
    )


def negatives_per_row(rows: Rows, per_row: int | None) -> int:
    """N: the largest number of negatives that a row has, cut at `per_row`."""
    most = max((len(negatives) for negatives in rows.negatives), default=0)
    return most if per_row is None else min(most, per_row)


def _padded(rows: Rows, per_row: int | None) -> tuple[np.ndarray, np.ndarray]:
    width = negatives_per_row(rows, per_row)
    ids = np.zeros((len(rows), width), dtype=np.int64)  # (R, N)
    mask = np.zeros((len(rows), width), dtype=bool)  # (R, N)
    if width:
        for row, own in enumerate(rows.negative_ids):
            ids[row, : len(own[:width])] = own[:width]
            mask[row, : len(own[:width])] = True
    return ids, mask


def _fitted(scores: list[float], width: int) -> list[float]:
    return (scores + [float("nan")] * width)[:width]
