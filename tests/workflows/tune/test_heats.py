"""What is done of a race: it is trained once, and an interruption says that it is kept."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from embedtune.config.verbs.train import TrainConfig
from embedtune.errors import Interrupted
from embedtune.racing.arm import Arm, Heat
from embedtune.racing.race import SORTING_SEED
from embedtune.workflows.shared.choosing.arms import ArmScores
from embedtune.workflows.tune.heats import Heats

FIRST, SECOND = (Heat(Arm("rate x2"), steps, SORTING_SEED, steps) for steps in (5, 10))


@pytest.fixture
def heats(tmp_path: Path) -> Heats:
    """Heats of an arm whose second one is interrupted."""

    def train(config: TrainConfig, *, steps: int, **_: object) -> ArmScores:
        if steps == SECOND.steps:
            raise Interrupted("interrupted after step 3 of 10 of a short trial run, before training began")
        return ArmScores({"logrank@1000": np.array([0.5])}, 1.0, 1.0, "")

    return Heats(SimpleNamespace(train=train), {"rate x2": TrainConfig()}, tmp_path, 0)


def test_a_heat_is_done_once_it_is_trained_for_a_later_session_too(heats: Heats) -> None:
    assert not heats.is_done(FIRST)
    heats.play(FIRST)
    heats.known.clear()
    assert heats.is_done(FIRST) and not heats.is_done(SECOND)


def test_an_interruption_says_what_is_kept(heats: Heats) -> None:
    heats.play(FIRST)
    with pytest.raises(Interrupted, match="while rate x2 was trained; 1 heat before that: kept"):
        heats.play(SECOND)
    assert not heats.is_done(SECOND)
