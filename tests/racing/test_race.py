from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from math import sqrt

import numpy as np
import pytest

from embedtune.racing.arm import Arm, Heat, Play
from embedtune.racing.outcome import Outcome
from embedtune.racing.plan import plan_race
from embedtune.racing.race import MERGED, Race

Drawn = Callable[..., Play]


def run(arms: Sequence[Arm], play: Play, *, budget: int = 1200, world: int = 0, **more: object) -> Outcome:
    plan = plan_race(budget, arms=len(arms), course=50)
    return Race(arms, plan, play, "logrank@1000", seed=world, draws=400, **more).run()  # type: ignore[arg-type]


def test_a_race_of_equals_rarely_names_a_winner(arms: list[Arm], drawn: Drawn) -> None:
    named = sum(run(arms, drawn({}, world), world=world).decision.replaced for world in range(200))
    assert named <= 10  # 5% of 200


def test_a_race_of_equals_that_differ_only_by_query_rarely_names_a_winner(arms: list[Arm], drawn: Drawn) -> None:
    play = [drawn({}, world, between=0.0, within=0.2) for world in range(100)]
    assert sum(run(arms, own, world=world).decision.replaced for world, own in enumerate(play)) <= 8


def test_a_difference_of_the_stated_size_is_found_four_times_out_of_five(arms: list[Arm], drawn: Drawn) -> None:
    """The effect is what races without one say that they would usually have seen, averaged over twenty of them."""
    stated = np.mean([run(arms, drawn({}, world), world=world).decision.smallest for world in range(20)])
    found = 0
    for world in range(100):
        effects = {"arm c": float(stated)}
        found += run(arms, drawn(effects, 1000 + world), world=world).decision.winner == "arm c"
    assert 68 <= found <= 98  # 80 of 100, and three standard errors of four


def test_the_stated_size_shrinks_with_seeds(arms: list[Arm], drawn: Drawn) -> None:
    few, many = (
        np.mean([run(arms, drawn({}, w), budget=budget, world=w).decision.smallest for w in range(10)])
        for budget in (800, 4000)
    )
    assert many < few / sqrt(1.2)


def test_an_arm_far_behind_leaves_by_its_test_and_one_without_room_does_not_count_as_behind(
    arms: list[Arm], drawn: Drawn
) -> None:
    found = run(arms, drawn({"arm b": -0.2, "arm d": 0.2}, 3))
    first = found.rounds[0]
    assert first.left["arm b"] == "behind"
    test = next(one for one in first.tests if one.name == "arm b")
    assert test.leader == "arm d" and test.p_value < 0.05
    assert found.decision.winner == "arm d"
    even = run(arms, drawn({}, 3)).rounds[0]
    assert set(even.left.values()) == {"no room"}


def test_the_default_never_leaves(arms: list[Arm], drawn: Drawn) -> None:
    found = run(arms, drawn({"default": -0.3}, 5))
    assert "default" in found.finals and all("default" not in one.left for one in found.rounds)
    assert found.decision.replaced


def test_the_final_counts_none_of_the_seeds_that_sorted_arms_out(arms: list[Arm], drawn: Drawn) -> None:
    heats: list[Heat] = []
    play = drawn({}, 0)

    def noted(heat: Heat) -> np.ndarray:
        heats.append(heat)
        return play(heat)

    found = run(arms, noted)
    count = len(found.finals["default"]) * len(found.finals)
    assert found.rounds and count > 3
    assert not {heat.seed for heat in heats[:-count]} & {heat.seed for heat in heats[-count:]}


def test_every_arm_of_a_round_sees_as_many_pairs(drawn: Drawn) -> None:
    heats: list[Heat] = []
    play = drawn({}, 0)

    def noted(heat: Heat) -> np.ndarray:
        heats.append(heat)
        return play(heat)

    run([Arm("default"), Arm("small batches", batch=0.5), Arm("large batches", batch=2.0)], noted)
    pairs = {(heat.budget, heat.steps * heat.arm.batch) for heat in heats if heat.budget % 2 == 0}
    assert all(budget == seen for budget, seen in pairs)


def test_what_is_spent_stays_within_the_budget(arms: list[Arm], drawn: Drawn) -> None:
    for budget in (60, 100, 333, 1000, 5000):
        found = run(arms, drawn({}, 1), budget=budget)
        assert found.spent <= budget
        assert len(found.finals) == 1 or len(found.finals["default"]) >= 3


def test_a_race_without_time_keeps_the_default(arms: list[Arm], drawn: Drawn) -> None:
    found = run(arms, drawn({"arm a": 0.5}, 1), affords=lambda steps, heats: False)
    assert found.decision.winner == "default"
    assert "no other arm reached the final" in found.decision.sentence


def test_merged_survivors_are_an_arm_of_the_final(arms: list[Arm], drawn: Drawn) -> None:
    play = drawn({"arm a": 0.05}, 2)
    merge = lambda heats: 0.3 + np.mean([play(heat) for heat in heats], axis=0)  # noqa: E731
    found = run(arms, play, merge=merge)
    assert found.decision.winner == MERGED
    assert found.finals[MERGED].shape == found.finals["default"].shape


def test_a_tie_among_winners_goes_to_the_cheaper(drawn: Drawn) -> None:
    arms = [Arm("default"), Arm("long", course=2.0), Arm("cheap", price=0.5)]
    found = run(arms, drawn({"long": 0.2, "cheap": 0.2}, 1))
    assert found.decision.winner == "cheap"


@pytest.mark.parametrize("budget", [200, 1200])
def test_the_same_race_again_gives_the_same_outcome(arms: list[Arm], drawn: Drawn, budget: int) -> None:
    first, second = (run(arms, drawn({}, 4), budget=budget) for _ in range(2))
    assert first.decision == second.decision and first.rounds == second.rounds


def test_a_race_against_the_clock_trains_seeds_until_the_time_is_over(arms: list[Arm], drawn: Drawn) -> None:
    played: list[Heat] = []
    scores = drawn({}, 1)

    def play(heat: Heat) -> np.ndarray:
        played.append(heat)
        return scores(heat)

    def affords(steps: float, heats: int) -> bool:
        return len(played) + heats <= 40

    plan = replace(plan_race(300, arms=len(arms), course=50), seeds=30)
    found = Race(arms, plan, play, "logrank@1000", draws=200, affords=affords).run()
    finalists = len(found.finals)
    assert 40 - 2 * (finalists + 1) < len(played) <= 40 and len(found.finals["default"]) > 3
    assert len(played) == sum(len(one.means) for one in found.rounds) + finalists * len(found.finals["default"])


def test_a_seed_that_time_does_not_carry_to_its_end_is_given_up(arms: list[Arm], drawn: Drawn) -> None:
    played: list[Heat] = []
    scores = drawn({}, 1)

    def play(heat: Heat) -> np.ndarray:
        played.append(heat)
        return scores(heat)

    def affords(steps: float, heats: int) -> bool:
        finals = [heat for heat in played if heat.seed < 100]
        return not len(finals) % 2 if finals else True  # the machine becomes slow whenever a finalist has been trained

    plan = replace(plan_race(300, arms=len(arms), course=50), seeds=30)
    found = Race(arms, plan, play, "logrank@1000", draws=200, affords=affords).run()
    finals = [heat for heat in played if heat.seed < 100]
    assert len(finals) == len(found.finals) + 1  # the first seed is needed; the second ended after one of its arms
    assert {len(own) for own in found.finals.values()} == {1}


@pytest.mark.parametrize("left", [0, 7])
def test_what_was_done_before_an_interruption_needs_no_time(arms: list[Arm], drawn: Drawn, left: int) -> None:
    scores = drawn({"arm a": 0.05}, 3)
    known: dict[Heat, np.ndarray] = {}

    def play(heat: Heat) -> np.ndarray:
        return known.setdefault(heat, scores(heat))

    plan = replace(plan_race(300, arms=len(arms), course=50), seeds=2)
    race = partial(Race, arms, plan, play, "logrank@1000", draws=200, is_done=lambda heat: heat in known)
    whole = race(affords=lambda steps, heats: True).run()
    for heat in list(known)[len(known) - left :]:  # those that the interrupted race had not come to
        del known[heat]
    again = race(affords=lambda steps, heats: heats <= left + 1).run()
    assert again.rounds == whole.rounds and again.decision == whole.decision
