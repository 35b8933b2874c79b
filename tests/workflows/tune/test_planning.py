"""Prices and plans, with a trainer that only tells how long things would take."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from embedtune.config.verbs.train import TrainConfig, TrainingSection
from embedtune.config.verbs.tune import RaceSection
from embedtune.racing.arm import Arm
from embedtune.workflows.shared.talk import Silence
from embedtune.workflows.tune.folder import RaceFolder
from embedtune.workflows.tune.planning import Planning
from embedtune.workflows.tune.pricing import RaceClock

BEFORE_S, SCORE_S = 3.0, 2.0
STEP_S = {1: 0.5, 2: 0.8}
"""Epochs -> seconds of a step; the epochs only tell two recipes apart."""


class Timed:
    """A trainer that takes three seconds before its first step."""

    dev_texts = 100
    start = SimpleNamespace(score_s=SCORE_S)

    def steps(self, config: TrainConfig) -> int:
        return 40

    def priced_s(self, config: TrainConfig, steps: int) -> float:
        return BEFORE_S + steps * STEP_S[int(config.training.epochs)]


def planning(folder: Path, budget: str, clock: RaceClock) -> Planning:
    configs = {name: TrainConfig(training=TrainingSection(epochs=n)) for name, n in (("default", 1), ("dear", 2))}
    trainer: Any = Timed()
    (folder / "heats").mkdir(exist_ok=True)
    race = RaceFolder(folder)
    race.note(chosen_steps=0)
    return Planning(RaceSection(budget=budget), trainer, configs, None, race, clock, Silence())


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
