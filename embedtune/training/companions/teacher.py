"""The teacher: another encoder's vectors of the same texts, for losses that imitate it."""

from dataclasses import replace

from torch import Tensor

from embedtune.losses import EmbeddingBatch
from embedtune.training.companions import Companion
from embedtune.training.guide.vectors import GuideTable


class NamedTeacher(Companion):
    """Looks up the teacher's vectors in a table that was filled before training. The teacher itself need not be loaded.

    Every process looks up all rows of the batch, since the student's vectors of all processes are there too.
    """

    def __init__(self, table: GuideTable) -> None:
        self._table = table

    def complete(self, batch: EmbeddingBatch, rows: Tensor) -> EmbeddingBatch:
        """The batch with the teacher's vectors of its texts."""
        return replace(batch, teacher=self._table.batch(rows, batch.anchors.device))
