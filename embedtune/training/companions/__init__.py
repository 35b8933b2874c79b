"""What accompanies an objective from step to step and adds fields to each batch: one file per companion."""

from collections.abc import Sequence

from torch import Tensor

from embedtune.losses import EmbeddingBatch


class Companion:
    """Completes the batch before each step, is updated after it, and is saved with each checkpoint.

    A companion overrides what it needs; by default it adds, keeps and logs nothing.
    """

    def read(self, features: Sequence[dict[str, Tensor]], labels: Tensor) -> None:
        """Encode the texts of the batch that follows, from the arguments of `ObjectiveAdapter.forward`."""

    def complete(self, batch: EmbeddingBatch, rows: Tensor) -> EmbeddingBatch:
        """The batch of these rows (B,) with the fields that this companion fills."""
        return batch

    def step(self, batch: EmbeddingBatch, rows: Tensor) -> None:
        """Take what it needs from a batch whose loss was computed."""

    def gauges(self) -> dict[str, float]:
        """What to log after the step, as `companion.gauge` -> value."""
        return {}

    def state(self) -> dict[str, Tensor]:
        """What a checkpoint must keep, as `companion.name` -> tensor; nothing if a resumed run finds the same again."""
        return {}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Restore what `state` returned, from all tensors of a checkpoint."""
