"""Ends a run at the first evaluation at which it has lost what it must keep."""

from collections.abc import Callable
from typing import Any

from transformers import TrainerCallback


class GuardWatch(TrainerCallback):
    """Asks at every dev evaluation whether the guard still holds, and stops training when it does not.

    Args:
        holds: whether the encoder in its current state has lost nothing.
    """

    def __init__(self, holds: Callable[[], bool]) -> None:
        self._holds = holds
        self.stopped_at: int | None = None

    def on_evaluate(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """After dev was scored. A checkpoint of this step is written before training ends."""
        if state.global_step and self.stopped_at is None and not self._holds():
            self.stopped_at = state.global_step
            control.should_save = control.should_training_stop = True
