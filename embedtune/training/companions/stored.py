"""Documents that do not learn, as further candidates: their vectors are at hand, and no step makes them out of date.

A queue of past batches would hold the same vectors, but only of the rows that were seen last.
"""

import torch
from torch import Tensor

from embedtune.losses import EmbeddingBatch
from embedtune.training.batch.frozen_side import FrozenDocuments
from embedtune.training.batch.row_table import RowTable
from embedtune.training.companions import Companion
from embedtune.training.companions.queue import with_positives
from embedtune.training.guide.vectors import GuideTable


class StoredDocuments(Companion):
    """Some of the positives of all rows, drawn for each step by its number, so that no checkpoint keeps them.

    Args:
        size: K, how many are drawn.
        table: ids and known positives of the rows.
        frozen: the vectors.
        guide: the guide's vectors, or None.
        seed: of the draws.
    """

    def __init__(
        self, size: int, table: RowTable, frozen: FrozenDocuments, guide: GuideTable | None, seed: int
    ) -> None:
        self._size, self._table, self._frozen, self._guide, self._seed = size, table, frozen, guide, seed
        rows = {one: row for row, one in reversed(list(enumerate(table.positive_ids.tolist())))}
        self._rows = torch.tensor(sorted(rows.values()), dtype=torch.long)  # (U,) one row of each distinct positive

    def complete(self, batch: EmbeddingBatch, rows: Tensor) -> EmbeddingBatch:
        """The batch with the drawn documents that it does not have."""
        generator = torch.Generator().manual_seed((self._seed << 32) + batch.step)
        drawn = self._rows[torch.randperm(len(self._rows), generator=generator)[: self._size]]  # (K,)
        ids = self._table.positive_ids
        drawn = drawn[~torch.isin(ids[drawn], ids[rows.cpu()])]
        if not len(drawn):
            return batch
        vectors = self._frozen.columns(drawn, batch.anchors.device)[0]  # (K, D)
        return with_positives(batch, rows, self._table, self._guide, drawn, vectors)
