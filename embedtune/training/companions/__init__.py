"""What accompanies an objective from step to step and adds its part to each batch: one file a companion."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from torch import Tensor

from embedtune.losses import EmbeddingBatch


class Companion(Protocol):
    """Asked before each step, told after it, saved with each checkpoint."""

    def complete(self, batch: EmbeddingBatch, rows: Tensor) -> EmbeddingBatch:
        """The batch of these rows (B,) with the fields that this companion fills."""

    def step(self, batch: EmbeddingBatch, rows: Tensor) -> None:
        """Take what it needs of a batch whose loss is computed."""

    def gauges(self) -> dict[str, float]:
        """What to log after the step, as `companion.gauge` -> number."""

    def state(self) -> dict[str, Tensor]:
        """What a checkpoint must keep, as `companion.name` -> tensor."""

    def restore(self, state: dict[str, Tensor]) -> None:
        """Take back what `state` gave, found among the tensors of a whole checkpoint."""


@runtime_checkable
class ReadingCompanion(Protocol):
    """A companion that reads the texts of each batch itself, before it is asked to complete it."""

    def read(self, features: Sequence[dict[str, Tensor]], labels: Tensor) -> None:
        """Take the token features that the student was given, as the adapter was given them."""
