"""What a budget is in steps of the default recipe, and whether there is still time.

A budget in steps is one by itself: a step counts the same whatever it takes, so that the race does not depend on the
machine. A budget in time is measured: a few steps of each arm, and one scoring of dev. While the race runs, what it
really takes replaces the estimate.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

SAFETY = 0.98
"""Share of the time that is planned with."""
ENDING_S = 3.0
"""Seconds that saving, tests and reports take, about."""


@dataclass
class RaceClock:
    """Time that a race may take.

    Args:
        allowed_s: of the budget; None where it is in steps.
        started: `time.perf_counter()` when the command began.
        earlier_s: of earlier sessions.
        reserve_s: what the end of the race takes.
        step_s: of a step of the default.
        score_s: of a heat besides its steps: what comes before them, and the scoring of dev.
        now: the clock.
    """

    allowed_s: float | None
    started: float
    earlier_s: float = 0.0
    reserve_s: float = ENDING_S
    step_s: float = 0.0
    score_s: float = 0.0
    now: Callable[[], float] = field(default=time.perf_counter)

    @property
    def spent_s(self) -> float:
        """Seconds of all sessions so far."""
        return self.earlier_s + self.now() - self.started

    def affords(self, steps: float, heats: float) -> bool:
        """Whether so many steps in so many heats fit into the time that is left.

        >>> RaceClock(100, 0, reserve_s=0, step_s=1, score_s=2, now=lambda: 50.0).affords(30, 4)
        True
        >>> RaceClock(100, 0, reserve_s=0, step_s=1, score_s=2, now=lambda: 50.0).affords(48, 4)
        False
        """
        if self.allowed_s is None:
            return True
        needed = steps * self.step_s + heats * self.score_s
        return self.spent_s + needed + self.reserve_s <= SAFETY * self.allowed_s

    def steps(self, heats: int) -> int:
        """Steps that fit into the time that is left, with so many scorings of dev."""
        left = SAFETY * (self.allowed_s or 0.0) - self.spent_s - self.reserve_s - heats * self.score_s
        return max(0, int(left / self.step_s)) if self.step_s else 0

    def seconds(self, steps: float, heats: int) -> float:
        """The budget in time that would carry so many steps in so many heats, from the start of the command."""
        return (self.spent_s + self.reserve_s + steps * self.step_s + heats * self.score_s) / SAFETY

    def learn(self, steps: float, took_s: float, heats: float = 1) -> None:
        """Take what a heat really took, from its start to its scores, into account: half of the surprise.

        A full run, which is scored on its way too, counts as more than one of `heats`.

        >>> clock = RaceClock(100, 0, step_s=1.0, score_s=10.0)
        >>> clock.learn(10, 40)
        >>> clock.step_s, clock.score_s
        (1.5, 15.0)
        """
        expected = steps * self.step_s + heats * self.score_s
        if self.allowed_s is not None and expected:
            surprise = (1 + took_s / expected) / 2
            self.step_s, self.score_s = self.step_s * surprise, self.score_s * surprise
            self.reserve_s *= surprise


def relative(step_s: Mapping[str, float], batches: Mapping[str, float], default: str) -> dict[str, float]:
    """Cost of a pair for each arm, relative to the default.

    Args:
        step_s: arm -> seconds of one of its own steps.
        batches: arm -> its pairs per step, relative to the default.
        default: its name.

    >>> relative({"default": 1.0, "half": 0.6}, {"default": 1.0, "half": 0.5}, "default")
    {'default': 1.0, 'half': 1.2}
    """
    base = step_s[default] / batches[default]
    return {name: round(own / batches[name] / base, 2) for name, own in step_s.items()}
