"""Finds which candidates are known positives of which rows: a sparse lookup of text ids, never a table of all pairs.

Known positives of row i: its anchor, its positive, the positives of rows with the same anchor, and pairs from the data
(`known_positive_ids` of the batch). None of them is ever a negative of row i, in any block.

Ids are looked up on the CPU, where training leaves them: how many places are found has to be known at once, and a GPU
would be waited for in every block. Only the places found go to the device of the vectors.
"""

import torch
from torch import Tensor

from embedtune.losses.shared.base import EmbeddingBatch

# Rows whose own negatives are looked up together: a few thousand ids are sorted at a time.
ROWS = 1024


class KnownPositives:
    """The known positives of a batch's rows, listed for a few rows at a time.

    Without an id field, all its texts are taken to be distinct.
    """

    def __init__(self, batch: EmbeddingBatch) -> None:
        self._anchors = _here(batch.anchor_ids)
        self._positives = _here(batch.positive_ids)
        self._given = _here(batch.known_positive_ids)
        self._every = torch.arange(len(batch.anchors))  # (B,)
        self._device = batch.anchors.device
        self._listed: tuple[slice, Tensor, Tensor] | None = None

    def pairs(self, rows: slice) -> tuple[Tensor, Tensor]:
        """The known positives of some rows, as row (counted from the first of them) and text id: (L,), (L,)."""
        # The blocks of a batch use the same rows one after another.
        if self._listed is None or self._listed[0] != rows:
            self._listed = (rows, *self._pairs(rows))
        return self._listed[1:]

    def _pairs(self, rows: slice) -> tuple[Tensor, Tensor]:
        every = self._every[rows] - rows.start  # (R,)
        pairs = [(every, ids[rows]) for ids in (self._anchors, self._positives) if ids is not None]
        if self._anchors is not None and self._positives is not None:
            row, twin = match(every, self._anchors[rows], self._anchors)
            pairs.append((row, self._positives[twin]))
        if self._given is not None:
            given = self._given[(self._given[:, 0] >= rows.start) & (self._given[:, 0] < rows.stop)]
            pairs.append((given[:, 0] - rows.start, given[:, 1]))
        none = every[:0]
        return torch.cat([none, *(row for row, _ in pairs)]), torch.cat([none, *(ids for _, ids in pairs)])

    def find(self, rows: slice, candidate_ids: Tensor) -> tuple[Tensor, Tensor]:
        """Where a candidate is a known positive: rows, counted from the first of these, and columns: (X,), (X,)."""
        return self._placed(*self._find(rows, candidate_ids.cpu()))

    def repeated(self, rows: slice) -> tuple[Tensor, Tensor]:
        """Where a positive of the batch is a row's anchor as a text: rows, counted as above, and columns."""
        if self._anchors is None or self._positives is None:
            return self._placed(self._every[:0], self._every[:0])
        return self._placed(*match(self._every[rows] - rows.start, self._anchors[rows], self._positives))

    def _find(self, rows: slice, candidate_ids: Tensor) -> tuple[Tensor, Tensor]:
        return match(*self.pairs(rows), candidate_ids)

    def _placed(self, rows: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
        return rows.to(self._device, non_blocking=True), columns.to(self._device, non_blocking=True)

    def own_mask(self, negative_ids: Tensor) -> Tensor:
        """bool (B, N), on the CPU: True where a row's own negative (B, N) is one of its known positives."""
        negative_ids = negative_ids.cpu()
        found = torch.zeros_like(negative_ids, dtype=torch.bool)
        size, per_row = negative_ids.shape
        for start in range(0, size, ROWS):
            rows = slice(start, min(start + ROWS, size))
            row, column = self._find(rows, negative_ids[rows].flatten())
            own = row == column // max(1, per_row)
            found[rows].view(-1)[column[own]] = True
        return found


def _here(ids: Tensor | None) -> Tensor | None:
    return None if ids is None else ids.cpu()


def match(rows: Tensor, ids: Tensor, candidate_ids: Tensor) -> tuple[Tensor, Tensor]:
    """Where pairs (row, id) match candidates with the same id, as (row, column) coordinates.

    >>> match(torch.tensor([0, 1]), torch.tensor([7, 8]), torch.tensor([8, 7, 8]))
    (tensor([0, 1, 1]), tensor([1, 0, 2]))
    """
    ordered, order = candidate_ids.sort(stable=True)
    first = torch.searchsorted(ordered, ids)  # (L,)
    counts = torch.searchsorted(ordered, ids, right=True) - first  # (L,)
    starts = (first - counts.cumsum(0) + counts).repeat_interleave(counts)  # (X,)
    columns = order[starts + torch.arange(len(starts), device=ids.device)]
    return rows.repeat_interleave(counts), columns
