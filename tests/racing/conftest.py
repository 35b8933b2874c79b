"""Races without training: the scores of each heat are drawn, with known amounts of noise of queries and seeds."""

from collections.abc import Callable, Mapping

import numpy as np
import pytest

from embedtune.racing.arm import Arm, Heat, Play

QUERIES = 150


def drawn(effects: Mapping[str, float], world: int, *, between: float = 0.003, within: float = 0.1) -> Play:
    """Scores with a common part per query, an effect per arm, a shift per seed, and noise per arm, seed and query.

    Args:
        effects: arm -> what it adds to the mean; 0 where not given.
        world: the number of the simulation.
        between: standard deviation of the shift of a heat.
        within: standard deviation of the noise of a query in a heat.
    """
    common = np.random.default_rng((world, 0)).beta(2, 2, QUERIES)  # (Q,)

    def play(heat: Heat) -> np.ndarray:
        name = sum(map(ord, heat.arm.name))
        random = np.random.default_rng((world, 1, name, heat.seed, heat.steps))
        shift = random.normal(0, between)
        return common + effects.get(heat.arm.name, 0.0) + shift + random.normal(0, within, QUERIES)

    return play


@pytest.fixture(name="drawn")
def drawn_scores() -> Callable[..., Play]:
    return drawn


@pytest.fixture
def arms() -> list[Arm]:
    return [Arm("default"), *(Arm(f"arm {letter}", (f"training.seed={letter}",)) for letter in "abcdefgh")]
