"""The `self` guide: a snapshot of the student decides which candidates are false negatives.

A pretrained encoder guides from the first step and need not look again; a starter learns by plain InfoNCE first. A weak
encoder that stays frozen masks the wrong candidates and costs accuracy; a student that has learned for a while does
better (measured in the project's benchmarks). A snapshot is the student's vectors of the training texts, not a second
model.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from embedtune.training.guide.vectors import Encode, GuideTable


@dataclass(eq=False)
class SelfGuide(TrainerCallback):
    """Fills the guide table from the student after the warm-up, and where asked again at the start of each epoch.

    Args:
        table: filled in place.
        encode: encodes texts with the student in its current state.
        warmup_share: share of all steps before the first snapshot.
        steps: of the run.
        steps_per_epoch: of them.
        again: look again in each epoch.
        on_refresh: receives the step after each refresh, for the log.
    """

    table: GuideTable
    encode: Encode
    warmup_share: float
    steps: int
    steps_per_epoch: int
    again: bool = True
    on_refresh: Callable[[int], None] | None = None

    def due(self, step: int) -> bool:
        """Whether a snapshot is taken before this step.

        >>> guide = SelfGuide(None, None, warmup_share=0.25, steps=40, steps_per_epoch=10)
        >>> [step for step in range(40) if guide.due(step)]
        [10, 20, 30]
        """
        first = math.ceil(self.warmup_share * self.steps)
        return step == first or (self.again and step > first and step % self.steps_per_epoch == 0)

    def on_step_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Take a snapshot where one is due."""
        if self.due(state.global_step):
            self.table.fill(self.encode)
            if self.on_refresh is not None:
                self.on_refresh(state.global_step)
