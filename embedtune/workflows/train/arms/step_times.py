"""Times of the steps of a short training, so that what comes before them is not taken for a part of their price."""

import statistics
import time
from collections.abc import Callable
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from embedtune.workflows.shared.choosing.arms import Priced


class StepTimes(TrainerCallback):
    """From the end of each step to the end of the next: its batch is made in between.

    Args:
        on_cpu: whether this process does the work, so that its processor time says how much there is.
    """

    def __init__(self, *, on_cpu: bool) -> None:
        self._work: Callable[[], float] = time.process_time if on_cpu else time.perf_counter
        self._ends: list[tuple[float, float]] = []

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Note the time."""
        self._ends.append((time.perf_counter(), self._work()))

    def priced(self, took_s: float) -> Priced:
        """The price of a training that took so many seconds in all; its first step, which warms up, is left out."""
        steps = [(end[0] - start[0], end[1] - start[1]) for start, end in zip(self._ends, self._ends[1:], strict=False)]
        step_s, work_s = (statistics.median(own) for own in zip(*steps, strict=True))
        return Priced(max(0.0, took_s - len(self._ends) * step_s), step_s, work_s)
