"""Cohen's kappa against scikit-learn's, and its interval against the known spread of a large sample."""

import math

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from embedtune.evaluation.agreement.kappa import cohen_kappa


@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_scikit_learn(seed: int) -> None:
    draw = np.random.default_rng(seed)
    first = draw.random(80) < 0.4
    second = np.where(draw.random(80) < 0.75, first, ~first)
    found = cohen_kappa(first, second, draws=500)
    assert found.value == pytest.approx(cohen_kappa_score(first, second))
    assert found.agreed == int((first == second).sum()) and found.items == 80
    assert found.interval[0] < found.value < found.interval[1]


def test_the_interval_is_as_wide_as_the_standard_error_of_fleiss() -> None:
    """Fleiss, Cohen and Everitt 1969, by a multinomial of the same cells: the delta method for kappa."""
    draw = np.random.default_rng(1)
    first = draw.random(2000) < 0.5
    second = np.where(draw.random(2000) < 0.8, first, ~first)
    low, high = cohen_kappa(first, second, draws=4000).interval
    p = np.array(
        [[np.mean(~first & ~second), np.mean(~first & second)], [np.mean(first & ~second), np.mean(first & second)]]
    )
    rows, columns, observed = p.sum(axis=1), p.sum(axis=0), np.trace(p)
    chance = rows @ columns
    kappa = (observed - chance) / (1 - chance)
    diagonal = sum(p[i, i] * (1 - (rows[i] + columns[i]) * (1 - kappa)) ** 2 for i in range(2))
    others = (1 - kappa) ** 2 * sum(p[i, j] * (columns[i] + rows[j]) ** 2 for i in range(2) for j in range(2) if i != j)
    error = math.sqrt((diagonal + others - (kappa - chance * (1 - kappa)) ** 2) / 2000) / (1 - chance)
    assert high - low == pytest.approx(2 * 1.96 * error, rel=0.08)


def test_judges_who_say_one_thing_only_tell_nothing() -> None:
    found = cohen_kappa(np.ones(10, dtype=bool), np.ones(10, dtype=bool))
    assert math.isnan(found.value) and math.isnan(found.interval[0]) and found.agreed == 10
    assert cohen_kappa(np.array([True, False]), np.array([False, True])).value == -1.0
    assert cohen_kappa(np.zeros(0, dtype=bool), np.zeros(0, dtype=bool)).items == 0
