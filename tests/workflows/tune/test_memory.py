"""A limit of memory, with a trainer that only tells how much each arm would take."""

from pathlib import Path
from typing import Any

import pytest

from embedtune.config.sections.training import TrainingSection
from embedtune.config.verbs.train import TrainConfig
from embedtune.errors import ConfigError
from embedtune.racing.arm import Arm
from embedtune.workflows.shared.choosing.arms import ArmMemory
from embedtune.workflows.shared.talk import Silence
from embedtune.workflows.tune.folder import RaceFolder
from embedtune.workflows.tune.memory import within_memory

GIB = 2**30
TAKES = {1: (1 * GIB, None), 2: (2 * GIB, 500), 3: (5 * GIB, 64)}
"""Epochs, which only tell recipes apart -> memory and tokens of a micro-batch."""
NAMES = {"default": 1, "long": 2, "huge": 3}


class Weighing:
    def __init__(self) -> None:
        self.asked = 0

    def memory(self, config: TrainConfig, most: int) -> ArmMemory:
        self.asked += 1
        return ArmMemory(*TAKES[int(config.training.epochs)])


class Heard(Silence):
    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


def entered(**names: int) -> list[tuple[Arm, TrainConfig]]:
    return [(Arm(name), TrainConfig(training=TrainingSection(epochs=n))) for name, n in names.items()]


def within(folder: Path, most: int, trainer: Any, **names: int) -> Any:
    talk = Heard()
    return *within_memory(entered(**names), most, trainer, RaceFolder(folder), talk), talk.said


def test_what_does_not_fit_is_named_and_left_out(tmp_path: Path) -> None:
    arms, findings, said = within(tmp_path, 2 * GIB, Weighing(), **NAMES)
    assert [arm.name for arm, _ in arms] == ["default", "long"]
    assert [config.training.micro_batch_tokens for _, config in arms] == ["auto", 500]
    assert findings[0].code == "too-much-memory" and "huge (5.0 GiB)" in findings[0].message
    assert any("micro-batches" in one and "long" in one and "default" not in one for one in said)


def test_a_resumed_race_has_the_same_arms_and_measures_nothing(tmp_path: Path) -> None:
    first = within(tmp_path, 2 * GIB, Weighing(), **NAMES)
    later = Weighing()
    assert within(tmp_path, 2 * GIB, later, **NAMES) == first
    assert not later.asked


def test_a_default_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"default recipe would take 5\.0 GiB, even in micro-batches"):
        within(tmp_path, 4 * GIB, Weighing(), default=3, long=2)


def test_without_a_limit_nothing_is_measured(tmp_path: Path) -> None:
    trainer = Weighing()
    every = entered(**NAMES)
    assert within_memory(every, None, trainer, RaceFolder(tmp_path), Silence()) == (every, [])  # type: ignore[arg-type]
    assert not trainer.asked
