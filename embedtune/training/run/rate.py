"""The learning rate by step: it rises over the warm-up and then follows its schedule; no step is at rate zero.

The schedules of transformers give the first step of a warm-up rate zero: one of ten steps would change nothing.
"""

import math
from functools import partial
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


def rate_share(step: int, *, schedule: str, warmup: int, steps: int) -> float:
    """Share of the learning rate at a step, the first being 0.

    Bounds: above 0 up to 1 for every step of the run.

    >>> [round(rate_share(step, schedule="linear", warmup=1, steps=5), 2) for step in range(5)]
    [0.5, 1.0, 0.75, 0.5, 0.25]
    """
    if step < warmup:
        return (step + 1) / (warmup + 1)
    done = (step - warmup) / max(1, steps - warmup)
    if schedule == "constant":
        return 1.0
    return max(0.0, 1 - done if schedule == "linear" else 0.5 * (1 + math.cos(math.pi * done)))


class AskedRates(LambdaLR):
    """The schedule of a run whose rates, one per group of weights, are those asked for, also when it is resumed.

    A checkpoint's optimizer and schedule would silently bring its own rates.
    """

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on where a checkpoint was, at the rates that this run was made with."""
        asked = list(self.base_lrs)
        super().load_state_dict(state_dict)
        for place, (rate, before) in enumerate(zip(asked, self.base_lrs, strict=True)):
            if rate != before:
                self._last_lr[place] *= rate / before
                self.optimizer.param_groups[place]["lr"] *= rate / before
        self.base_lrs = asked


def rates(optimizer: Optimizer, *, schedule: str, warmup: int, steps: int) -> AskedRates:
    """The scheduler of a run."""
    return AskedRates(optimizer, partial(rate_share, schedule=schedule, warmup=warmup, steps=steps))
