"""What accompanies an objective from step to step and adds fields to each batch: one file per companion."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from torch import Tensor

from embedtune.losses import EmbeddingBatch


class Companion(Protocol):
    """Completes the batch before each step, is updated after it, and is saved with each checkpoint."""

    def complete(self, batch: EmbeddingBatch, rows: Tensor) -> EmbeddingBatch:
        """The batch of these rows (B,) with the fields that this companion fills."""

    def step(self, batch: EmbeddingBatch, rows: Tensor) -> None:
        """Take what it needs from a batch whose loss was computed."""

    def gauges(self) -> dict[str, float]:
        """What to log after the step, as `companion.gauge` -> value."""

    def state(self) -> dict[str, Tensor]:
        """What a checkpoint must keep, as `companion.name` -> tensor."""

    def restore(self, state: dict[str, Tensor]) -> None:
        """Restore what `state` returned, from all tensors of a checkpoint."""


@runtime_checkable
class ReadingCompanion(Protocol):
    """A companion that encodes the texts of each batch itself, before it completes the batch."""

    def read(self, features: Sequence[dict[str, Tensor]], labels: Tensor) -> None:
        """Encode the token features of the student; arguments as of `ObjectiveAdapter.forward`."""
