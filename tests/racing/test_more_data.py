import numpy as np
import pytest

from embedtune.racing.more_data import learning_curve, queries_to_see


def test_the_slope_is_that_of_least_squares() -> None:
    random = np.random.default_rng(0)
    scores = {pairs: random.random(40) for pairs in (250, 500, 1000)}
    found = learning_curve(scores)
    means = [scores[pairs].mean() for pairs in (250, 500, 1000)]
    assert found.doubling == pytest.approx(np.polyfit(np.log2([250, 500, 1000]), means, 1)[0], abs=1e-6)
    assert found.interval[0] < found.doubling < found.interval[1]


def test_a_flat_curve_promises_nothing() -> None:
    random = np.random.default_rng(0)
    scores = {pairs: random.normal(0.5, 0.1, 40) for pairs in (250, 500, 1000)}
    assert "no effect shown" in learning_curve(scores).sentence


def test_so_many_queries_find_the_effect_four_times_out_of_five() -> None:
    random = np.random.default_rng(0)
    needed = queries_to_see(random.normal(0, 0.2, 5000), 0.03)
    draws = random.normal(0.03, 0.2, (2000, needed))
    t = draws.mean(axis=1) / (draws.std(axis=1, ddof=1) / np.sqrt(needed))
    assert 0.77 < (np.abs(t) > 1.96).mean() < 0.83


def test_one_number_of_pairs_is_no_curve() -> None:
    with pytest.raises(ValueError, match="two numbers"):
        learning_curve({100: np.zeros(3)})
