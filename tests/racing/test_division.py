"""Who may race for what full runs leave."""

from dataclasses import replace

import pytest

from embedtune.racing.arm import Arm
from embedtune.racing.division import DividedBudget, Purse
from embedtune.racing.plan import smallest_budget

DEFAULT, LIKE, LONG, CHEAP = Arm("default"), Arm("like it"), Arm("long", course=2.0, price=1.5), Arm("cheap", price=0.5)


def cost_of_everything(found: DividedBudget, purse: Purse) -> float:
    """What the race and the dearest winner take, by hand."""
    dearest = max(arm.course * arm.price for arm in found.arms[1:])
    after = sum(found.plan.after) * purse.course * dearest + len(found.plan.after) * purse.scoring
    own = purse.course + purse.scoring if found.plan.in_full else 0.0
    return found.plan.budget + after + own


@pytest.mark.parametrize("curve", [(), (0.25, 0.5)])
@pytest.mark.parametrize("scoring", [0.0, 7.5])
@pytest.mark.parametrize("course", [4, 40, 700])
@pytest.mark.parametrize("times", [1.0, 1.3, 2.0, 5.0, 20.0])
def test_a_race_and_full_runs_fit_into_the_steps(
    course: int, scoring: float, curve: tuple[float, ...], times: float
) -> None:
    arms, purse = [DEFAULT, LONG, LIKE, CHEAP], Purse(course, curve, scoring)
    fewest = purse.fewest(arms)
    found = purse.divide(round(times * fewest), arms)
    assert found is not None
    assert cost_of_everything(found, purse) <= round(times * fewest)
    assert found.plan.budget >= smallest_budget() and found.arms[0] == DEFAULT and len(found.arms) == found.plan.arms
    # Either finalists run in full, or default and winner do besides.
    assert found.plan.in_full is found.plan.shortened
    assert purse.divide(fewest - 2, arms) is None


def test_an_arm_whose_full_run_leaves_too_little_is_named_and_the_others_race() -> None:
    purse = Purse(course=100)
    found = purse.divide(400, [DEFAULT, LONG, LIKE, CHEAP])
    assert found is not None
    assert found.dear == ("long",) and [arm.name for arm in found.arms] == ["default", "like it", "cheap"]
    assert found.plan.budget == 400 - 100 - 100
    more = purse.divide(700, [DEFAULT, LONG, LIKE, CHEAP])
    assert more is not None and not more.dear and more.plan.budget == 700 - 100 - 300


def test_nothing_is_put_aside_for_an_arm_without_room() -> None:
    arms = [DEFAULT, *(replace(LIKE, name=f"arm {n}") for n in range(12)), LONG]
    found = Purse(course=100).divide(580, arms)
    assert found is not None and LONG not in found.arms and len(found.arms) > 2
    assert found.plan.budget == 580 - 100 - 100


def test_a_budget_of_ten_full_runs_puts_nothing_aside() -> None:
    found = Purse(course=50).divide(500, [DEFAULT, LIKE])
    assert found is not None
    assert found.plan.budget == 500 and found.plan.after == () and found.plan.final == 50


def test_no_more_arms_race_than_are_allowed() -> None:
    arms = [DEFAULT, *(replace(LIKE, name=f"arm {n}") for n in range(8))]
    for steps in (250, 2000):
        found = Purse(course=60).divide(steps, arms, most=3)
        assert found is not None and [arm.name for arm in found.arms] == ["default", "arm 0", "arm 1"]
