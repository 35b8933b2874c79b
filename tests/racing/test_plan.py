import pytest

from embedtune.errors import ConfigError
from embedtune.racing.plan import FEWEST_SEEDS, plan_race, smallest_budget


@pytest.mark.parametrize("arms", [2, 3, 5, 9, 14])
@pytest.mark.parametrize("course", [3, 40, 700])
@pytest.mark.parametrize("budget", [60, 77, 250, 1000, 20_000])
def test_what_is_planned_fits_and_leaves_enough_for_the_decision(budget: int, course: int, arms: int) -> None:
    plan = plan_race(budget, arms=arms, course=course)
    alive, sorting = plan.arms, 0
    for number, steps in enumerate(plan.rounds):
        sorting += alive * steps
        alive = 1 + plan.room_after(number)
    final = (1 + plan.challengers) * plan.final
    assert sorting + FEWEST_SEEDS * final <= budget
    assert 2 <= plan.arms <= arms and plan.seeds >= FEWEST_SEEDS
    assert all(1 <= steps <= plan.final <= course for steps in plan.rounds)


def test_too_small_a_budget_says_what_is_needed() -> None:
    with pytest.raises(ConfigError) as caught:
        plan_race(smallest_budget() - 1, arms=5, course=40)
    assert f"{smallest_budget()}steps" in str(caught.value.next)


def test_fewer_arms_take_part_in_a_small_budget() -> None:
    assert plan_race(60, arms=12, course=500).arms < plan_race(600, arms=12, course=500).arms == 12
