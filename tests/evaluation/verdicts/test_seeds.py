"""Recipes of several seeds: against scipy's t tests, in simulation of no difference, and of a true one."""

import math

import numpy as np
import pytest
from scipy import stats

from embedtune.evaluation.verdicts.seeds import compare_seeds
from embedtune.evaluation.verdicts.significance import compare_paired


def recipes(rng: np.random.Generator, seeds: tuple[int, int], queries: int, spread: float) -> list[np.ndarray]:
    """Values of two equally good recipes: every query has its own difficulty, every seed its own luck."""
    difficulty = rng.random(queries)
    return [
        difficulty + rng.normal(0, spread, (count, 1)) + rng.normal(0, 0.15, (count, queries)) for count in seeds
    ]  # (S, Q) each


def test_one_seed_a_side_is_the_paired_test() -> None:
    a, b = recipes(np.random.default_rng(0), (1, 1), 80, 0.02)
    found, seeds = compare_seeds(a, b, metric="ndcg@10", seed=3)
    assert seeds is None and found == compare_paired(a[0], b[0], metric="ndcg@10", seed=3)


def test_seeds_alone_are_welchs_test_of_scipy() -> None:
    a, b = recipes(np.random.default_rng(1), (4, 3), 50, 0.05)
    found, seeds = compare_seeds(a, b, metric="ndcg@10")
    theirs = stats.ttest_ind(b.mean(axis=1), a.mean(axis=1), equal_var=False)
    assert seeds is not None
    assert seeds.p_value == pytest.approx(theirs.pvalue)
    assert seeds.degrees == pytest.approx(theirs.df)
    assert found.difference == pytest.approx(b.mean() - a.mean())


def test_a_side_of_one_seed_varies_as_the_other_does() -> None:
    """Student's prediction of one further value: the formula of textbooks, written out."""
    a, b = recipes(np.random.default_rng(2), (1, 5), 50, 0.05)
    _, seeds = compare_seeds(a, b, metric="ndcg@10")
    means = b.mean(axis=1)
    t = (means.mean() - a.mean()) / (means.std(ddof=1) * math.sqrt(1 + 1 / 5))
    assert seeds is not None and seeds.p_value == pytest.approx(2 * stats.t.sf(abs(t), 4))


def test_both_together_are_min_f() -> None:
    """Clark's own form: min F' = F1 F2 / (F1 + F2), with (F1 + F2)^2 / (F1^2 / n2 + F2^2 / n1) degrees."""
    a, b = recipes(np.random.default_rng(3), (3, 3), 60, 0.02)
    b += 0.05
    found, seeds = compare_seeds(a, b, metric="ndcg@10")
    assert seeds is not None
    by_queries = stats.ttest_rel(b.mean(axis=0), a.mean(axis=0))
    f1, f2 = by_queries.statistic**2, (found.difference / seeds.standard_error) ** 2
    degrees = (f1 + f2) ** 2 / (f1**2 / seeds.degrees + f2**2 / 59)
    assert seeds.p_both == pytest.approx(stats.f.sf(f1 * f2 / (f1 + f2), 1, degrees))
    assert found.p_value == max(seeds.p_both, compare_paired(a.mean(axis=0), b.mean(axis=0), metric="x").p_value)
    low, high = found.interval
    reach = stats.t.ppf(0.975, degrees) * found.difference / math.sqrt(f1 * f2 / (f1 + f2))
    assert (low, high) == pytest.approx((found.difference - reach, found.difference + reach))


def test_many_queries_do_not_make_up_for_few_seeds() -> None:
    rng = np.random.default_rng(4)
    difficulty = rng.random(5000)
    a = difficulty + np.array([[0.00], [0.04]]) + rng.normal(0, 0.05, (2, 5000))
    b = difficulty + np.array([[0.03], [0.05]]) + rng.normal(0, 0.05, (2, 5000))
    found, _ = compare_seeds(a, b, metric="ndcg@10")
    assert compare_paired(a.mean(axis=0), b.mean(axis=0), metric="ndcg@10").verdict == "better"
    assert found.verdict == "no difference shown" and found.interval[0] < 0 < found.interval[1]


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [(2, 2), (3, 3), (1, 4)])
@pytest.mark.parametrize("spread", [0.0, 0.03])
def test_under_a_true_null_a_verdict_is_rare(seeds: tuple[int, int], spread: float) -> None:
    rng, called, by_queries = np.random.default_rng(5), 0, 0
    for seed in range(400):
        a, b = recipes(rng, seeds, 100, spread)
        found, _ = compare_seeds(a, b, metric="ndcg@10", draws=400, seed=seed)
        called += found.verdict != "no difference shown"
        by_queries += compare_paired(a.mean(axis=0), b.mean(axis=0), metric="x", draws=400).p_value < 0.05
    assert called / 400 < 0.05 + 3 * math.sqrt(0.05 * 0.95 / 400)
    assert not spread or by_queries / 400 > 0.15  # which is what this test is for


@pytest.mark.slow
def test_a_true_difference_of_the_detectable_size_is_found() -> None:
    rng = np.random.default_rng(6)
    error = math.sqrt(0.15**2 * 2 / 5 / 150 + 2 * 0.02**2 / 5)
    found = 0
    for seed in range(200):
        a, b = recipes(rng, (5, 5), 150, 0.02)
        effect = (stats.t.ppf(0.975, 8) + stats.t.ppf(0.8, 8)) * error
        found += compare_seeds(a, b + effect, metric="ndcg@10", draws=400, seed=seed)[0].verdict == "better"
    assert 0.65 < found / 200 < 0.9  # a little less than 0.8: noise counts twice


def test_seeds_that_are_all_alike_leave_the_queries() -> None:
    a = np.tile(np.linspace(0, 1, 40), (2, 1))
    found, seeds = compare_seeds(a, a, metric="ndcg@10")
    assert seeds is not None and seeds.p_value is None and found.p_value == 1.0
    found, seeds = compare_seeds(a, a + 0.1, metric="ndcg@10")
    assert seeds is not None and seeds.p_value is None and found.verdict == "better"
