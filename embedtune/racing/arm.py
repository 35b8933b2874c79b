"""What takes part in a race, and the function that lets it run."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from embedtune.racing.plan import RacePlan


@dataclass(frozen=True)
class Arm:
    """A recipe in a race.

    Args:
        name: short, unique.
        changes: what it changes in the default recipe, as `key=value`; the default has none.
        batch: pairs per step, relative to the default.
        course: length of its full run, relative to the default, in pairs.
        price: cost of a pair, relative to the default.
    """

    name: str
    changes: tuple[str, ...] = ()
    batch: float = 1.0
    course: float = 1.0
    price: float = 1.0

    def steps(self, budget: int) -> int:
        """Its own steps for as many pairs as the default sees in so many steps.

        >>> Arm("small batches", batch=0.5).steps(10)
        20
        """
        return max(1, round(budget / self.batch))

    @property
    def cost(self) -> float:
        """What its full run costs, relative to that of the default."""
        return self.course * self.price


@dataclass(frozen=True)
class Heat:
    """One training of one arm.

    Args:
        arm: who.
        steps: how long, in its own steps.
        seed: of its shuffle.
        budget: the same length in steps of the default recipe.
    """

    arm: Arm
    steps: int
    seed: int
    budget: int


Play = Callable[[Heat], np.ndarray]
"""Trains an arm from the start and returns its score of each dev query, (Q,); the same heat gives the same scores."""


def final_heat(arm: Arm, plan: RacePlan, seed: int) -> Heat:
    """The run of a finalist with a seed: as long as the budget allows, at most a full one."""
    budget = max(1, round(plan.final * arm.course))
    return Heat(arm, arm.steps(budget), seed, budget)


def full_heat(arm: Arm, plan: RacePlan, seed: int) -> Heat:
    """The full run of an arm with a seed; that of a finalist, where finalists are not shorter."""
    return final_heat(arm, replace(plan, final=plan.course), seed)


def is_full(heat: Heat, plan: RacePlan) -> bool:
    """Whether a heat is a full run of its arm."""
    return heat.budget >= full_heat(heat.arm, plan, heat.seed).budget
