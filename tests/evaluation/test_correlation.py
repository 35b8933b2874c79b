"""Correlations against scipy, a slow definition of the resampling, and what is known of the test under the null."""

import numpy as np
import pytest
from scipy import stats

from embedtune.evaluation.correlation import (
    Ties,
    contributions,
    pearson,
    resampled_spearman,
    spearman,
    swapped_spearman,
)


def columns(seed: int, n: int = 60, ties: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Two related columns, the second on a scale of so many steps."""
    rng = np.random.default_rng(seed)
    first = rng.normal(size=n)
    return first, np.round((first + rng.normal(size=n)) * ties / 6) / ties


@pytest.mark.parametrize("seed", range(4))
def test_both_agree_with_scipy_ties_included(seed: int) -> None:
    a, b = columns(seed)
    a = np.round(a, 1)
    assert spearman(a, b) == pytest.approx(stats.spearmanr(a, b).statistic, abs=1e-12)
    assert float(pearson(a, b)) == pytest.approx(stats.pearsonr(a, b).statistic, abs=1e-12)
    assert Ties(a).average_ranks.tolist() == stats.rankdata(a).tolist()


def test_a_constant_side_earns_nothing() -> None:
    same = np.full(7, 0.1)  # whose mean is not 0.1 in floating point
    assert spearman(same, np.arange(7.0)) == 0.0
    assert float(pearson(same, np.arange(7.0))) == 0.0


def test_resamples_are_ranked_anew_as_if_their_items_were_written_out() -> None:
    a, b = columns(5, n=12)
    counts = np.random.default_rng(0).multinomial(12, np.full(12, 1 / 12), size=20)
    found = pearson(Ties(a).ranks(counts), Ties(b).ranks(counts), counts)
    linear = pearson(a, b, counts)
    for row, each, straight in zip(counts, found, linear, strict=True):
        drawn = np.repeat(np.arange(12), row)
        assert each == pytest.approx(stats.spearmanr(a[drawn], b[drawn]).statistic, abs=1e-12)
        assert straight == pytest.approx(stats.pearsonr(a[drawn], b[drawn]).statistic, abs=1e-12)


def test_the_spread_of_resamples_is_that_of_a_correlation_of_normals() -> None:
    rng = np.random.default_rng(2)
    a = rng.normal(size=500)
    b = 0.6 * a + 0.8 * rng.normal(size=500)
    drawn = resampled_spearman(Ties(a), Ties(b), seed=0)
    rho = spearman(a, b)
    expected = (1 - rho**2) * np.sqrt(1 + rho**2 / 2) / np.sqrt(500 - 3)  # Bonett and Wright 2000
    assert drawn.std() == pytest.approx(expected, rel=0.15)


def test_exchanging_items_agrees_with_writing_every_exchange_out() -> None:
    rng = np.random.default_rng(3)
    a, b, truth = rng.normal(size=(3, 8))
    ranks = [stats.rankdata(one) for one in (a, b)]
    differences = []
    for number in range(2**8):
        swap = np.array([bool(number >> i & 1) for i in range(8)])
        first, second = np.where(swap, ranks[1], ranks[0]), np.where(swap, ranks[0], ranks[1])
        gold = stats.rankdata(truth)
        differences.append(stats.pearsonr(second, gold).statistic - stats.pearsonr(first, gold).statistic)
    exact = np.mean(np.abs(differences) >= abs(differences[0]) - 1e-9)
    assert swapped_spearman(a, b, truth, draws=20_000) == pytest.approx(exact, abs=0.02)


def test_two_systems_of_one_worth_are_rarely_told_apart_and_a_better_one_often() -> None:
    rng = np.random.default_rng(4)
    false, found = 0, 0
    for seed in range(150):
        truth = rng.normal(size=80)
        one, other, better = (truth + noise * rng.normal(size=80) for noise in (1.0, 1.0, 0.5))
        false += swapped_spearman(one, other, truth, draws=300, seed=seed) < 0.05
        found += swapped_spearman(one, better, truth, draws=300, seed=seed) < 0.05
    assert false <= 15  # of 150 at 5%: 7.5 are expected, more than 15 in one case of 300
    assert found > 120


def test_scales_do_not_matter_and_the_same_ranks_are_no_difference() -> None:
    a, truth = columns(6)
    b = a + np.random.default_rng(7).normal(size=len(a))
    assert swapped_spearman(a, b, truth) == swapped_spearman(a, 40 * b + 9, truth)
    assert swapped_spearman(a, np.exp(a), truth) == 1.0
    assert swapped_spearman(a[:1], b[:1], truth[:1]) == 1.0


def test_contributions_average_to_the_correlation_and_spread_as_it_does() -> None:
    rng = np.random.default_rng(8)
    a = rng.normal(size=2000)
    b = 0.6 * a + 0.8 * rng.normal(size=2000)
    added = contributions(a, b)
    r = stats.pearsonr(a, b).statistic
    assert added.mean() == pytest.approx(r, abs=1e-12)
    assert added.std() == pytest.approx(1 - r**2, rel=0.1)  # the asymptotic spread of a correlation of normals
    alone = [stats.pearsonr(np.delete(a, i), np.delete(b, i)).statistic for i in range(20)]
    assert 2000 * r - 1999 * np.array(alone) == pytest.approx(added[:20], abs=0.02)  # the jackknife's pseudo-values
    assert contributions(np.full(5, 0.1), np.arange(5.0)).tolist() == [0.0] * 5
