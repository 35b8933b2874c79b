"""How a budget is divided: rounds that sort arms out, then a final with several seeds that decides.

Where the budget is small, finalists run shorter than a full run, and the race leaves what a full run of its winner
costs: what comes out is never the model of a shorter one.

A budget is counted in steps of the default recipe. Two fifths of it sort arms out by successive halving (Jamieson and
Talwalkar 2016, arXiv:1502.07943): each round lets half as many arms run twice as far. The rest pays for the decision,
because a race that spends everything on sorting cannot say whether its winner is better than the default.
"""

import math
from dataclasses import dataclass

from embedtune.errors import ConfigError

SORTING = 0.4
"""Share of the budget that sorts arms out."""
FEWEST_STEPS = 6
FEWEST_SEEDS, MOST_SEEDS = 3, 8
"""Of each finalist. With two, the spread of seeds has two degrees of freedom, and only huge differences show."""
MOST_CHALLENGERS = 2


@dataclass(frozen=True)
class RacePlan:
    """Who may run how far.

    Args:
        budget: of the race, in steps.
        arms: how many take part, the default included.
        rounds: steps of each round that sorts out.
        final: steps of a finalist that is as long as the default.
        challengers: finalists besides the default, at most.
        seeds: of each finalist, at most.
        course: steps of the default's full run.
        after: trainings of the winner that are paid after the race, as shares of its full run: the whole of it, where
            finalists are shorter, and those of the learning curve.
        watching: what scorings of dev within a full run take, in scorings of a heat; 0 where the budget is in steps.
    """

    budget: int
    arms: int
    rounds: tuple[int, ...]
    final: int
    challengers: int
    seeds: int
    course: int
    after: tuple[float, ...] = ()
    watching: float = 0.0

    @property
    def shortened(self) -> bool:
        """Whether the budget is too small for finalists to run their full course."""
        return self.final < self.course

    @property
    def in_full(self) -> bool:
        """Whether default and winner are trained in full besides the race."""
        return 1.0 in self.after

    def aside(self, cost: float) -> float:
        """Steps to leave for a winner whose full run costs so much, relative to the default.

        >>> RacePlan(300, 5, (10,), final=20, challengers=1, seeds=3, course=80, after=(1.0, 0.25)).aside(2.0)
        200.0
        """
        return sum(self.after) * self.course * cost

    def room_after(self, number: int) -> int:
        """How many challengers the budget carries beyond a round."""
        alive = (*_alive(self.arms)[number + 1 :], 1 + self.challengers)
        return alive[0] - 1


def smallest_budget() -> int:
    """The fewest steps with which anything can be decided.

    >>> smallest_budget()
    60
    """
    return round(2 * FEWEST_SEEDS * FEWEST_STEPS / (1 - SORTING))


def shortest_for_full_finals(course: int) -> int:
    """The fewest steps of a race whose finalists run their full course.

    >>> shortest_for_full_finals(40), shortest_for_full_finals(3)
    (400, 60)
    """
    return max(smallest_budget(), math.ceil(round(2 * FEWEST_SEEDS * course / (1 - SORTING), 6)))


def plan_race(budget: int, *, arms: int, course: int, seeds: int = MOST_SEEDS) -> RacePlan:
    """Divide a budget.

    Args:
        budget: steps of the default recipe.
        arms: how many want to take part, the default included; fewer do where the budget is small.
        course: steps of the default's full run.
        seeds: of each finalist, at most.

    Raises:
        ConfigError: nothing could be decided with so few steps.

    >>> plan_race(1000, arms=9, course=50)
    RacePlan(budget=1000, arms=9, rounds=(21, 42), final=50, challengers=2, seeds=4, course=50, after=(), watching=0.0)
    """
    if budget < smallest_budget():
        raise ConfigError(
            f"{budget:,} steps are too few for a race",
            where="--budget",
            next=f"give at least {smallest_budget()}steps; a full run of the default recipe takes {course:,}",
        )
    final = min(course, int((1 - SORTING) * budget / (2 * FEWEST_SEEDS)))
    shortest = min(FEWEST_STEPS, final)
    while arms > 2 and _first(budget, arms) < shortest:
        arms -= 1
    alive = _alive(arms)
    first = max(1, min(_first(budget, arms), final >> (len(alive) - 1)))
    rest = budget - sum(count * first << number for number, count in enumerate(alive))
    challengers = MOST_CHALLENGERS if rest >= (1 + MOST_CHALLENGERS) * FEWEST_SEEDS * final else 1
    challengers = min(challengers, arms - 1)
    affordable = rest // ((1 + challengers) * final)
    rounds = tuple(first << number for number in range(len(alive)))
    return RacePlan(budget, arms, rounds, final, challengers, max(1, min(seeds, affordable)), course)


def _alive(arms: int) -> tuple[int, ...]:
    """How many arms run in each round that sorts out, the default included.

    >>> _alive(9), _alive(4)
    ((9, 5), (4,))
    """
    count = max(1, (max(1, (arms - 1) // MOST_CHALLENGERS)).bit_length() - 1)
    return tuple(1 + -(-(arms - 1) // 2**number) for number in range(count))


def _first(budget: int, arms: int) -> int:
    """Steps of each arm in the first round."""
    return int(SORTING * budget / sum(count << number for number, count in enumerate(_alive(arms))))
