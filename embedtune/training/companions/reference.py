"""The reference: what the student made of each text before training began, for losses that hold it back."""

from dataclasses import replace

from torch import Tensor

from embedtune.losses import EmbeddingBatch
from embedtune.training.guide.vectors import GuideTable


class Reference:
    """The start's vectors of each batch, looked up; a `Companion`. No second model is in memory.

    Args:
        table: the start's vectors by row, filled before training.
    """

    def __init__(self, table: GuideTable) -> None:
        self._table = table

    def complete(self, batch: EmbeddingBatch, rows: Tensor) -> EmbeddingBatch:
        """The batch with the start's vectors of its texts."""
        return replace(batch, reference=self._table.batch(rows, batch.anchors.device))

    def step(self, batch: EmbeddingBatch, rows: Tensor) -> None:
        """Nothing: it stands still."""

    def gauges(self) -> dict[str, float]:
        """None."""
        return {}

    def state(self) -> dict[str, Tensor]:
        """Nothing: a resumed run computes the same vectors from the same start."""
        return {}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Nothing was saved."""
