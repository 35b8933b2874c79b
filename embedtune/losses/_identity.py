"""Which candidates are known positives of which rows: a sparse lookup of text ids, never a table of all against all.

Known positives of row i: its anchor, its positive, the positives of rows with the same anchor, and the pairs that the
batch brings from the data (`known_positive_ids`). None of them is ever a negative of row i, in any block.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from embedtune.losses.base import EmbeddingBatch


@dataclass(frozen=True)
class KnownPositives:
    """Pairs (row, text id), and the lookup of candidates among them."""

    rows: Tensor  # (L,)
    ids: Tensor  # (L,)
    batch_size: int

    @classmethod
    def of(cls, batch: EmbeddingBatch) -> "KnownPositives":
        """Collect the pairs of a batch; a missing id field means that its texts are all distinct."""
        every = torch.arange(len(batch.anchors), device=batch.anchors.device)  # (B,)
        pairs = [(every, ids) for ids in (batch.anchor_ids, batch.positive_ids) if ids is not None]
        if batch.anchor_ids is not None and batch.positive_ids is not None:
            row, twin = match(every, batch.anchor_ids, batch.anchor_ids)
            pairs.append((row, batch.positive_ids[twin]))
        if batch.known_positive_ids is not None:
            pairs.append((batch.known_positive_ids[:, 0], batch.known_positive_ids[:, 1]))
        none = every[:0]
        rows = torch.cat([none, *(rows for rows, _ in pairs)])
        return cls(rows, torch.cat([none, *(ids for _, ids in pairs)]), len(every))

    def find(self, candidate_ids: Tensor) -> tuple[Tensor, Tensor]:
        """Rows and columns (X,), (X,) where a candidate is a known positive of the row."""
        return match(self.rows, self.ids, candidate_ids)

    def mask(self, candidate_ids: Tensor | None, columns: int) -> Tensor:
        """bool (B, C): True where the candidate is a known positive of the row."""
        found = torch.zeros(self.batch_size, columns, dtype=torch.bool, device=self.rows.device)
        if candidate_ids is not None:
            found[self.find(candidate_ids)] = True
        return found

    def own_mask(self, negative_ids: Tensor) -> Tensor:
        """bool (B, N): True where a row's own negative (B, N) is one of its known positives."""
        found = torch.zeros_like(negative_ids, dtype=torch.bool)
        rows, columns = self.find(negative_ids.flatten())
        own = rows == columns // max(1, negative_ids.shape[1])
        found.view(-1)[columns[own]] = True
        return found


def match(rows: Tensor, ids: Tensor, candidate_ids: Tensor) -> tuple[Tensor, Tensor]:
    """Where pairs (row, id) meet candidates of the same id, as (row, column) coordinates.

    >>> match(torch.tensor([0, 1]), torch.tensor([7, 8]), torch.tensor([8, 7, 8]))
    (tensor([0, 1, 1]), tensor([1, 0, 2]))
    """
    ordered, order = candidate_ids.sort(stable=True)
    first = torch.searchsorted(ordered, ids)  # (L,)
    counts = torch.searchsorted(ordered, ids, right=True) - first  # (L,)
    starts = (first - counts.cumsum(0) + counts).repeat_interleave(counts)  # (X,)
    columns = order[starts + torch.arange(len(starts), device=ids.device)]
    return rows.repeat_interleave(counts), columns
