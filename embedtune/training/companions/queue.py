"""A queue of the positives of past batches: more candidates for each anchor than the batch holds.

Only vectors and row numbers are kept. Text ids and the guide's vectors are looked up when a batch is made, so that
known positives are masked in the queue too, and a refreshed guide judges old entries as it judges new ones.
"""

from dataclasses import replace

import torch
from torch import Tensor

from embedtune.losses import EmbeddingBatch
from embedtune.training.batch.row_table import RowTable
from embedtune.training.companions import Companion
from embedtune.training.guide.vectors import GuideTable


class Queue(Companion):
    """The positives of the last batches as the student saw them then, first in, first out.

    With an averaged teacher they are as that saw them; it changes more slowly.

    A row is in it at most once: when a row is in a batch again, its old vector is out of date and is removed first.

    Source: He et al. 2020, arXiv:1911.05722, algorithm 1; without the momentum encoder as in Wang et al. 2020,
    arXiv:1912.06798: vectors drift slowly.

    Args:
        size: K, the most entries.
        table: ids and known positives of the rows.
        guide: the guide's vectors, or None.
    """

    def __init__(self, size: int, table: RowTable, guide: GuideTable | None) -> None:
        self._size = size
        self._table = table
        self._guide = guide
        self._rows = torch.zeros(0, dtype=torch.long)  # (K,) the oldest first
        self._vectors: Tensor | None = None  # (K, D)

    def complete(self, batch: EmbeddingBatch, rows: Tensor) -> EmbeddingBatch:
        """The batch with the queue, its text ids, and the guide's vectors of these texts."""
        others = self._others(rows)
        if self._vectors is None or not others.any():
            return batch
        return with_positives(batch, rows, self._table, self._guide, self._rows[others], self._vectors[others])

    def step(self, batch: EmbeddingBatch, rows: Tensor) -> None:
        """Add the batch's positives; the oldest entries leave when there are too many."""
        new, others = (batch.teacher or batch).positives.detach(), self._others(rows)
        old = new[:0] if self._vectors is None else self._vectors[others].to(new)
        # A new tensor each time: the loss may still hold the old one for its backward pass.
        self._vectors = torch.cat([old, new])[-self._size :]  # (K, D)
        self._rows = torch.cat([self._rows[others], rows.cpu()])[-self._size :]  # (K,)

    def gauges(self) -> dict[str, float]:
        """The number of entries."""
        return {"queue.filled": float(len(self._rows))}

    def state(self) -> dict[str, Tensor]:
        """Vectors and rows."""
        if self._vectors is None:
            return {}
        return {"queue.vectors": self._vectors.cpu().contiguous(), "queue.rows": self._rows.contiguous()}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Continue with the saved entries."""
        self._vectors = state.get("queue.vectors")
        self._rows = state.get("queue.rows", self._rows[:0])

    def _others(self, rows: Tensor) -> Tensor:
        """Which entries are of other rows than these: bool (K,)."""
        return ~torch.isin(self._rows, rows.cpu())


def with_positives(
    batch: EmbeddingBatch, rows: Tensor, table: RowTable, guide: GuideTable | None, others: Tensor, vectors: Tensor
) -> EmbeddingBatch:
    """The batch of these rows (B,) with the positives of other rows as candidates.

    Args:
        batch: of the rows.
        rows: their numbers.
        table: ids and known positives of all rows.
        guide: the guide's vectors, or None.
        others: (K,) the rows whose positives are added.
        vectors: (K, D) of these positives.
    """
    device, guided = batch.anchors.device, batch.guide
    if guided is not None and guide is not None:
        guided = replace(guided, queue=guide.positives(others).to(device, non_blocking=True))  # (K, G)
    ids = table.positive_ids[others]  # (K,)
    known = table.known_among(rows.cpu(), ids)  # (P, 2)
    if batch.known_positive_ids is not None:
        known = torch.cat([batch.known_positive_ids, known])
    return replace(
        batch,
        known_positive_ids=known,
        queue=vectors.to(device),  # (K, D)
        queue_ids=ids,  # (K,)
        guide=guided,
    )
