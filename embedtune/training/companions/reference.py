"""The reference: the student's vectors before training, for losses that keep it near where it started."""

from dataclasses import replace

from torch import Tensor

from embedtune.losses import EmbeddingBatch
from embedtune.training.companions import Companion
from embedtune.training.guide.vectors import GuideTable


class Reference(Companion):
    """Looks up the vectors before training in a table that was filled then. No second model is in memory."""

    def __init__(self, table: GuideTable) -> None:
        self._table = table

    def complete(self, batch: EmbeddingBatch, rows: Tensor) -> EmbeddingBatch:
        """The batch with the vectors before training of its texts."""
        return replace(batch, reference=self._table.batch(rows, batch.anchors.device))
