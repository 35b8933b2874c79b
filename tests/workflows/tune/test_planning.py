"""Prices and plans, with a trainer that only tells how long things would take."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from embedtune.config.sections.objective import NegativesSection
from embedtune.config.sections.training import TrainingSection
from embedtune.config.verbs.train import TrainConfig
from embedtune.config.verbs.tune import RaceSection
from embedtune.errors import ConfigError
from embedtune.racing.arm import Arm
from embedtune.workflows.shared.choosing.arms import OpenChoice, Priced
from embedtune.workflows.shared.talk import Silence
from embedtune.workflows.tune.folder import RaceFolder
from embedtune.workflows.tune.planning import Planning
from embedtune.workflows.tune.pricing import RaceClock

BEFORE_S, SCORE_S = 3.0, 2.0
STEP_S = {1: 0.5, 2: 0.8}
"""Epochs -> seconds of a step; the epochs only tell two recipes apart."""


class Timed:
    """A trainer that takes three seconds before its first step."""

    dev_texts, reading_s = 100, 0.0
    start = SimpleNamespace(score_s=SCORE_S)

    def steps(self, config: TrainConfig) -> int:
        return 40

    def evaluations(self, config: TrainConfig) -> int:
        return 0

    def making_s(self, config: TrainConfig) -> float:
        return 50.0 * (config.negatives.mined or 0)

    def priced(self, config: TrainConfig, steps: int) -> Priced:
        step_s = STEP_S[int(config.training.epochs)]
        return Priced(BEFORE_S, step_s, work_s=step_s)


def planning(folder: Path, budget: str, clock: RaceClock, *, chosen: int = 0, curve: bool = False) -> Planning:
    configs = {name: TrainConfig(training=TrainingSection(epochs=n)) for name, n in (("default", 1), ("dear", 2))}
    trainer: Any = Timed()
    (folder / "heats").mkdir(exist_ok=True)
    race = RaceFolder(folder)
    race.note(chosen_steps=chosen)
    return Planning(RaceSection(budget=budget, curve=curve), trainer, configs, None, race, clock, Silence())


ARMS = [Arm("default"), Arm("dear", ("training.epochs=2",))]


def test_what_comes_before_the_steps_is_not_taken_for_a_price(tmp_path: Path) -> None:
    clock = RaceClock(600.0, 0.0, now=lambda: 0.0)
    arms, plan = planning(tmp_path, "10m", clock).planned(ARMS)
    assert clock.step_s == pytest.approx(0.5) and clock.score_s == pytest.approx(BEFORE_S + SCORE_S)
    assert [arm.price for arm in arms] == [1.0, 1.6]
    # Twelve heats of 5 s besides their steps, the ending, and 2% are put aside.
    assert plan.budget == int((0.98 * 600 - 3 - 12 * 5) / 0.5)


def test_in_steps_every_pair_costs_one_and_nothing_is_measured(tmp_path: Path) -> None:
    clock = RaceClock(None, 0.0)
    arms, plan = planning(tmp_path, "500steps", clock).planned(ARMS)
    assert [arm.price for arm in arms] == [1.0, 1.0] and plan.budget == 500
    assert clock.step_s == 0


def test_a_resumed_race_keeps_its_plan(tmp_path: Path) -> None:
    first = planning(tmp_path, "10m", RaceClock(600.0, 0.0, now=lambda: 0.0))
    noted = first.planned(ARMS)
    later = RaceClock(600.0, 0.0, now=lambda: 400.0)
    assert planning(tmp_path, "10m", later).planned(ARMS) == noted
    assert later.step_s == pytest.approx(0.5)


@pytest.mark.parametrize("curve", [False, True])
@pytest.mark.parametrize(("budget", "seconds"), [("60steps", None), ("30s", 30.0)])
def test_what_a_small_budget_is_told_to_be_is_enough(
    tmp_path: Path, budget: str, seconds: float | None, *, curve: bool
) -> None:
    def clock(allowed: float | None) -> RaceClock:
        return RaceClock(allowed, 0.0, now=lambda: 4.0)

    with pytest.raises(ConfigError, match=f"^{budget} leaves .* for the race after .*; it needs 60$") as caught:
        planning(tmp_path, budget, clock(seconds), chosen=9 if seconds is None else 0, curve=curve).planned(ARMS)
    assert ("the learning curve" in str(caught.value.message)) is curve
    enough = str(caught.value.next).split()[1]
    chosen = 9 if seconds is None else 0
    allowed = None if seconds is None else RaceSection(budget=enough).amount
    _, plan = planning(tmp_path, enough, clock(allowed), chosen=chosen, curve=curve).planned(ARMS)
    assert plan.budget >= 60


def test_fewer_arms_race_where_scoring_them_all_would_take_the_time_of_their_steps(tmp_path: Path) -> None:
    arms = [Arm("default"), *(Arm(f"arm {n}", ("training.epochs=2",)) for n in range(12))]
    configs = {arm.name: TrainConfig(training=TrainingSection(epochs=1 + bool(arm.changes))) for arm in arms}
    asked = planning(tmp_path, "180s", RaceClock(180.0, 0.0, now=lambda: 0.0))
    asked.configs = configs
    _, plan = asked.planned(arms)
    assert 2 <= plan.arms < 13
    # All steps that were planned, and a scoring per heat, fit into the time.
    heats = round(1.5 * plan.arms) + 9
    assert plan.budget * 0.5 + heats * (BEFORE_S + SCORE_S) <= 180


class Slow(Timed):
    """Its clock moves by what a measurement takes."""

    def __init__(self) -> None:
        self.now, self.asked = 0.0, 0

    def priced(self, config: TrainConfig, steps: int) -> Priced:
        found = super().priced(config, steps)
        self.now, self.asked = self.now + found.before_s + steps * found.step_s, self.asked + 1
        return found


def many(folder: Path, trainer: Slow, budget: str, allowed_s: float) -> tuple[Planning, list[Arm]]:
    arms = [Arm("default"), *(Arm(f"arm {n}", ("training.epochs=2",)) for n in range(12))]
    found = planning(folder, budget, RaceClock(allowed_s, 0.0, now=lambda: trainer.now))
    found.trainer = trainer  # type: ignore[assignment]
    found.configs = {arm.name: TrainConfig(training=TrainingSection(epochs=1 + bool(arm.changes))) for arm in arms}
    return found, arms


def test_pricing_takes_a_fifth_of_the_time_and_arms_without_a_price_do_not_race(tmp_path: Path) -> None:
    trainer = Slow()
    asked, arms = many(tmp_path, trainer, "300s", 300.0)
    _, plan = asked.planned(arms)
    longest = BEFORE_S + 16 * STEP_S[2]
    assert trainer.now <= 0.2 * 300 + 2 * longest  # what warms up, and the arm at which the time was over
    assert 2 <= plan.arms < trainer.asked < len(arms)


def test_an_arm_for_which_too_much_has_to_be_made_first_gives_way_to_those_after_it(tmp_path: Path) -> None:
    trainer = Slow()
    asked, arms = many(tmp_path, trainer, "300s", 300.0)
    asked.configs = dict(asked.configs) | {"arm 0": TrainConfig(negatives=NegativesSection(mined=4))}
    found, plan = asked.planned(arms)
    racing = [arm.name for arm in found[: plan.arms]]
    assert racing[:2] == ["default", "arm 1"] and "arm 0" not in racing
    assert {arm.name for arm in found} == {arm.name for arm in arms}
    assert trainer.now <= 0.2 * 300 + 2 * (BEFORE_S + 16 * STEP_S[2])


def test_a_budget_that_is_too_small_is_refused_before_all_arms_are_priced(tmp_path: Path) -> None:
    trainer = Slow()
    asked, arms = many(tmp_path, trainer, "60s", 60.0)
    with pytest.raises(ConfigError, match="it needs 60"):
        asked.planned(arms)
    assert trainer.asked == 2


CHOICE = OpenChoice(
    20, TrainConfig(training=TrainingSection(epochs=1)), 2, TrainConfig(training=TrainingSection(epochs=2)), 1
)
"""Two trials like the default, and one that is dearer."""


@pytest.mark.parametrize(("budget", "seconds"), [("150steps", None), ("130s", 130.0)])
def test_what_the_default_leaves_open_is_paid_for_before_it_is_chosen(
    tmp_path: Path, budget: str, seconds: float | None
) -> None:
    clock = RaceClock(seconds, 0.0, now=lambda: 4.0)
    with pytest.raises(ConfigError, match=r" after .*the choice of rate and margin and full runs of") as caught:
        planning(tmp_path, budget, clock).demand_room_for(CHOICE)
    enough = str(caught.value.next).split()[1]
    amount = RaceSection(budget=enough).amount
    clock = RaceClock(None if seconds is None else amount, 0.0, now=lambda: 4.0)
    asked = planning(tmp_path, enough, clock)
    asked.demand_room_for(CHOICE)
    # By hand: the trials, two full runs of 40 steps, and a race of 60.
    if seconds is None:
        assert amount == 3 * 20 + 2 * 40 + 60
    else:
        trials = 2 * (BEFORE_S + SCORE_S + 20 * STEP_S[1]) + BEFORE_S + SCORE_S + 20 * STEP_S[2]
        full = (1 + 1) * (40 * STEP_S[1] + BEFORE_S + SCORE_S)
        assert amount >= 4 + trials + full + 60 * STEP_S[1]
    # Once it is chosen, it is not paid again.
    asked.folder.note(chosen_steps=CHOICE.all_steps if seconds is None else 0)
    _, plan = asked.planned(ARMS)
    assert plan.in_full and plan.budget >= 60


def test_full_runs_of_arms_that_race_are_put_aside(tmp_path: Path) -> None:
    clock = RaceClock(240.0, 0.0, now=lambda: 0.0)
    arms, plan = planning(tmp_path, "240s", clock).planned(ARMS)
    dearest, scoring_s = arms[1].price, BEFORE_S + SCORE_S
    full_s = 40 * STEP_S[1] * (1 + dearest) + 2 * scoring_s
    assert plan.in_full and plan.budget * STEP_S[1] + full_s + 12 * scoring_s <= 240
    assert plan.aside(dearest) == pytest.approx(40 * dearest)


def test_an_arm_that_is_too_dear_for_the_budget_is_named(tmp_path: Path) -> None:
    said: list[str] = []
    arms = [*ARMS, Arm("long", course=4.0)]
    asked = planning(tmp_path, "220steps", RaceClock(None, 0.0))
    asked.configs = dict(asked.configs) | {"long": TrainConfig()}
    asked.talk = SimpleNamespace(say=said.append)  # type: ignore[assignment]
    found, plan = asked.planned(arms)
    assert [arm.name for arm in found] == ["default", "dear", "long"] and plan.arms == 2
    assert any(line.startswith("left out, because full runs of them") and "long" in line for line in said)
