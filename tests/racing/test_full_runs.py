"""Full runs after races of shorter ones, with made-up scores: what is good in short runs need not be so in full."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from embedtune.evaluation.verdicts.significance import compare_paired
from embedtune.racing.arm import Arm, Heat, Play, full_heat
from embedtune.racing.division import DividedBudget, Purse
from embedtune.racing.full_runs import with_full_runs
from embedtune.racing.outcome import Outcome
from embedtune.racing.race import MERGED, Race

Drawn = Callable[..., Play]
COURSE, METRIC = 100, "logrank@1000"


def divided(arms: list[Arm], steps: int = 800) -> DividedBudget:
    found = Purse(course=COURSE).divide(steps, arms)
    assert found is not None
    return found


def changing(short: Play, full: Play) -> tuple[Play, list[Heat]]:
    """Other effects in full runs than in shorter ones; and who ran."""
    ran: list[Heat] = []

    def play(heat: Heat) -> np.ndarray:
        ran.append(heat)
        return (full if heat.budget >= COURSE * heat.arm.course else short)(heat)

    return play, ran


def run(arms: list[Arm], play: Play, steps: int = 800, **more: object) -> Outcome:
    found = divided(arms, steps)
    race = Race(list(found.arms), found.plan, play, METRIC, draws=400)
    return with_full_runs(race.run(), found.arms, found.plan, play, METRIC, draws=400, **more)  # type: ignore[arg-type]


def test_a_winner_whose_full_run_is_better_too_is_the_winner(arms: list[Arm], drawn: Drawn) -> None:
    play, ran = changing(drawn({"arm a": 0.2}, 1), drawn({"arm a": 0.1}, 2))
    found = run(arms, play)
    assert found.decision.winner == found.decision.named == "arm a"
    by_hand = compare_paired(found.full["default"], found.full["arm a"], metric=METRIC, draws=400)
    assert found.decision.full == by_hand and by_hand.verdict == "better"
    assert (
        f"{by_hand.difference:+.4f}" in found.decision.sentence
        and "in full ones, of one seed each" in found.decision.sentence
    )
    assert [(heat.arm.name, heat.steps) for heat in ran[-2:]] == [("default", COURSE), ("arm a", COURSE)]


@pytest.mark.parametrize("effect", [0.0, -0.2])
def test_a_winner_of_short_runs_alone_is_not_one(arms: list[Arm], drawn: Drawn, effect: float) -> None:
    play, _ = changing(drawn({"arm a": 0.2}, 1), drawn({"arm a": effect}, 2))
    found = run(arms, play)
    assert found.decision.winner == "default" and found.decision.named == "arm a" and not found.decision.replaced
    assert found.decision.full is not None and found.decision.full.verdict != "better"
    assert found.decision.sentence.startswith(
        "No difference shown: keep default. arm a was better on dev in short runs"
    )
    assert f"{found.decision.full.difference:+.4f}" in found.decision.sentence


def test_without_a_winner_the_default_alone_is_trained_in_full(arms: list[Arm], drawn: Drawn) -> None:
    play, ran = changing(drawn({}, 1), drawn({"arm a": 0.5}, 2))
    found = run(arms, play)
    assert not found.decision.named and set(found.full) == {"default"}
    assert [heat.arm.name for heat in ran if heat.budget == COURSE] == ["default"]


def test_a_winner_for_which_no_time_is_left_is_not_trained(arms: list[Arm], drawn: Drawn) -> None:
    play, _ = changing(drawn({"arm a": 0.2}, 1), drawn({"arm a": 0.2}, 2))
    asked: list[tuple[float, int]] = []

    def affords(steps: float, heats: int) -> bool:
        asked.append((steps, heats))
        return False

    found = run(arms, play, affords=affords)
    assert asked == [(COURSE, 1)]
    assert found.decision.winner == "default" and "no time was left" in found.decision.sentence
    assert set(found.full) == {"default"}
    again = run(arms, play, affords=affords, is_done=lambda heat: True)  # it was trained before an interruption
    assert again.decision.winner == "arm a"


def test_finalists_that_ran_in_full_are_not_trained_again(arms: list[Arm], drawn: Drawn) -> None:
    found = divided(arms, 2000)
    play, ran = changing(drawn({}, 1), drawn({"arm a": 0.2}, 2))
    outcome = Race(list(found.arms), found.plan, play, METRIC, draws=400).run()
    before = len(ran)
    after = with_full_runs(outcome, found.arms, found.plan, play, METRIC)
    assert len(ran) == before and after.decision == outcome.decision and after.spent == outcome.spent
    assert (after.full["default"] == outcome.finals["default"][0]).all()


@pytest.mark.parametrize("steps", [300, 450, 800])
def test_what_is_spent_stays_within_the_steps(arms: list[Arm], drawn: Drawn, steps: int) -> None:
    long = [arms[0], Arm("long", course=1.5), *arms[1:]]
    for world in range(5):
        play, ran = changing(drawn({"arm a": 0.2}, world), drawn({}, world))
        found = run(long, play, steps)
        assert found.spent <= steps
        assert found.spent == sum(heat.budget * heat.arm.price for heat in set(ran))


def test_equals_rarely_win_where_full_runs_have_to_agree(arms: list[Arm], drawn: Drawn) -> None:
    worlds = [changing(drawn({}, world), drawn({}, 500 + world))[0] for world in range(100)]
    assert sum(run(arms, play).decision.replaced for play in worlds) <= 5


def test_a_race_leaves_time_for_the_dearest_that_may_still_win(arms: list[Arm], drawn: Drawn) -> None:
    dear = replace(arms[1], price=2.0)
    racing = [arms[0], dear, *arms[2:]]
    found = divided(racing, 900)
    assert dear in found.arms
    asked: list[float] = []

    def affords(steps: float, heats: int) -> bool:
        asked.append(steps)
        return True

    Race(list(found.arms), found.plan, drawn({}, 1), METRIC, draws=100, affords=affords).run()
    assert min(asked) > COURSE and asked[0] > 2 * COURSE


def test_nobody_to_compare_with_costs_no_further_run(arms: list[Arm], drawn: Drawn) -> None:
    found = divided(arms)
    play, ran = changing(drawn({}, 1), drawn({}, 2))
    outcome = Race(list(found.arms), found.plan, play, METRIC, affords=lambda steps, heats: False).run()
    assert ran == [full_heat(arms[0], found.plan, 0)] and set(outcome.finals) == {"default"}
    assert MERGED not in outcome.finals


def test_a_short_final_becomes_shorter_where_time_would_carry_one_seed_alone(arms: list[Arm], drawn: Drawn) -> None:
    found = divided(arms)
    plan, play = found.plan, drawn({}, 1)
    left = [1000.0]

    def timed(heat: Heat) -> np.ndarray:  # the machine has become four times as slow as was planned for
        left[0] -= 4 * heat.budget + 4
        return play(heat)

    def affords(steps: float, heats: float) -> bool:
        return 4 * steps + 4 * heats <= left[0]

    kept: list[int] = []
    race = Race(
        list(found.arms),
        plan,
        timed,
        METRIC,
        draws=100,
        affords=affords,
        keep_final=lambda one: kept.append(one) or one,
    )
    outcome = race.run()
    assert left[0] >= 4 * COURSE  # a winner can still be trained in full
    assert outcome.final == kept[0] < plan.final
    assert outcome.decision.seeds >= 2 and len(outcome.finals) == 2  # with one, nothing could be decided


def test_a_round_has_as_many_arms_as_there_is_time_for(arms: list[Arm], drawn: Drawn) -> None:
    found = divided(arms)
    first = found.plan.rounds[0]
    most = 4 * first + (1 + 1) * found.plan.final + found.plan.aside(1.0)

    def affords(steps: float, heats: float) -> bool:
        return steps <= most

    outcome = Race(list(found.arms), found.plan, drawn({}, 1), METRIC, draws=100, affords=affords).run()
    assert set(outcome.rounds[0].means) == {"default", "arm a", "arm b", "arm c"}
