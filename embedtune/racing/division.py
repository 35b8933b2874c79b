"""What of a budget is put aside for full runs, and who may race for the rest.

A budget of ten full runs or more pays for finalists that run their full course. A smaller one first pays for a full run
of the default and one of a winner; an arm whose full run leaves too little for a race does not take part.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from embedtune.racing.arm import Arm
from embedtune.racing.plan import FEWEST_SEEDS, RacePlan, plan_race, shortest_for_full_finals, smallest_budget

RACING = 0.25
"""Share of the budget that a race gets, at least."""


@dataclass(frozen=True)
class DividedBudget:
    """Who may race, and how.

    Args:
        arms: those that race, the default first.
        plan: of the race.
        dear: names of those that do not, because their full runs would leave too little for a race.
    """

    arms: tuple[Arm, ...]
    plan: RacePlan
    dear: tuple[str, ...] = ()


@dataclass(frozen=True)
class Purse:
    """What full runs cost, in steps of the default recipe.

    Args:
        course: steps of the default's full run.
        curve: trainings of the winner for a learning curve, as shares of its full run.
        scoring: steps that one scoring of dev takes as long as; 0 where the budget is in steps.
        watching: the same of the scorings within a full run.
        seeds: of each finalist, at most.
    """

    course: int
    curve: tuple[float, ...] = ()
    scoring: float = 0.0
    watching: float = 0.0
    seeds: int = 8

    def divide(self, steps: int, arms: Sequence[Arm], most: int | None = None) -> DividedBudget | None:
        """Divide so many steps among a race and full runs; None where they are too few for both.

        Args:
            steps: for everything.
            arms: the default first, then the others in the order in which they deserve a place.
            most: arms that may race; None: all.
        """
        most = len(arms) if most is None else most
        default, *others = arms
        rest = math.floor(steps - self._watched_finals - self._aside(self.curve, others[: most - 1]))
        if rest >= smallest_budget():
            plan = plan_race(rest, arms=most, course=self.course, seeds=self.seeds)
            if not plan.shortened:
                return DividedBudget((default, *others)[: plan.arms], replace(plan, after=self.curve))
        able = [arm for arm in others if self._left(steps, [arm]) >= max(smallest_budget(), RACING * steps)]
        racing = able[: most - 1]
        if not racing:
            return None
        plan = self._race(steps, racing)
        while plan.arms <= len(racing):  # nothing is put aside for an arm that has no room
            racing = racing[: plan.arms - 1]
            plan = self._race(steps, racing)
        after = (1.0, *self.curve) if plan.shortened else self.curve
        plan = replace(plan, seeds=self.seeds, after=after)  # seeds as long as there are steps
        dear = tuple(arm.name for arm in others if arm not in able)
        return DividedBudget((default, *racing), plan, dear)

    def fewest(self, arms: Sequence[Arm]) -> int:
        """The fewest steps with which a race among the default and one of the others can be paid.

        >>> Purse(course=100).fewest([Arm("default"), Arm("long", course=2.0), Arm("other")])
        267
        >>> Purse(course=4).fewest([Arm("default"), Arm("other")])
        60
        """
        cheapest = min(arms[1:], key=lambda arm: arm.cost)
        full = -self._left(0, [cheapest])
        short = max(full + smallest_budget(), full / (1 - RACING))
        whole = shortest_for_full_finals(self.course) + self._watched_finals + self._aside(self.curve, arms[1:])
        return math.ceil(min(short, whole))

    def _race(self, steps: int, racing: Sequence[Arm]) -> RacePlan:
        rest = math.floor(self._left(steps, racing))
        return plan_race(rest, arms=1 + len(racing), course=self.course, seeds=self.seeds)

    def _left(self, steps: float, arms: Sequence[Arm]) -> float:
        """Steps for a race, after the full run of the default and everything that the dearest of these would need."""
        return steps - self.course - self.scoring - self.watching - self._aside((1.0, *self.curve), arms)

    @property
    def _watched_finals(self) -> float:
        """What is scored within the full runs of two finalists."""
        return 2 * FEWEST_SEEDS * self.watching

    def _aside(self, after: tuple[float, ...], arms: Sequence[Arm]) -> float:
        dearest = max((arm.cost for arm in arms), default=0.0)
        return sum(after) * self.course * dearest + len(after) * (self.scoring + self.watching)
