"""The paired tests against scipy, statsmodels and full enumeration."""

import dataclasses
import itertools
import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from embedtune.evaluation.verdicts.paired_tests import (
    bootstrap_interval,
    bootstrap_intervals,
    holm,
    minimum_detectable_effect,
    paired_permutation,
)
from embedtune.evaluation.verdicts.significance import compare_paired

DRAWS = 10_000


def monte_carlo_error(p, draws=DRAWS):
    """Four standard deviations of a share estimated from this many draws, and the one draw added."""
    return 4 * math.sqrt(p * (1 - p) / draws) + 2 / draws


def exact_p(differences):
    """The share of all sign assignments whose sum is as large."""
    observed = abs(sum(differences)) - 1e-9
    sums = [abs(np.dot(signs, differences)) for signs in itertools.product((1, -1), repeat=len(differences))]
    return sum(total >= observed for total in sums) / len(sums)


def test_permutation_agrees_with_exact_enumeration_by_scipy(vectors):
    case = vectors["cases"]["significance/paired_exact"]
    a, b = (np.array(vectors["inputs"]["paired"][name]) for name in "ab")
    p = paired_permutation(b - a, draws=DRAWS)
    assert p == pytest.approx(case["expected"]["p_two_sided"], abs=monte_carlo_error(case["expected"]["p_two_sided"]))


@settings(deadline=None, max_examples=40)
@given(st.lists(st.sampled_from([-0.5, -0.1, 0.0, 0.1, 0.3, 1.0]), min_size=2, max_size=9))
def test_permutation_agrees_with_own_enumeration_on_ties_and_zeros(differences):
    exact = exact_p(differences)
    assert paired_permutation(np.array(differences), draws=DRAWS) == pytest.approx(
        exact, abs=1.5 * monte_carlo_error(exact)
    )


def test_permutation_agrees_with_scipy_by_random_draws():
    rng = np.random.default_rng(0)
    differences = rng.normal(0.02, 0.2, 300)
    theirs = stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=DRAWS, vectorized=True, rng=rng
    ).pvalue
    assert 0.01 < theirs < 0.5  # else the comparison would say little
    assert paired_permutation(differences, draws=DRAWS) == pytest.approx(theirs, abs=2 * monte_carlo_error(theirs))


def test_permutation_is_symmetric_seeded_and_never_zero():
    differences = np.random.default_rng(1).normal(1, 0.1, 50)
    assert paired_permutation(differences, draws=999) == 1 / 1000
    weak = np.random.default_rng(1).normal(0.02, 0.1, 50)
    assert paired_permutation(weak) == paired_permutation(weak) == paired_permutation(-weak)
    assert paired_permutation(weak, seed=1) != paired_permutation(weak)


@pytest.mark.parametrize("differences", [[], [0.4], [0.0, 0.0, 0.0]])
def test_permutation_of_nothing_to_tell(differences):
    assert paired_permutation(np.array(differences)) == 1.0


def test_bootstrap_agrees_with_scipys_percentile_interval(vectors):
    case = vectors["cases"]["significance/bootstrap_mean_difference"]
    a, b = (np.array(vectors["inputs"]["paired"][name]) for name in "ab")
    expected = case["expected"]["percentile"]
    interval = bootstrap_interval(b - a, draws=20_000)
    assert interval == pytest.approx((expected["low"], expected["high"]), abs=case["tolerance"]["float64"]["atol"])


def test_bootstrap_agrees_with_scipy_of_skewed_values():
    values = np.random.default_rng(2).exponential(1, 80)
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=DRAWS, confidence_level=0.95, method="percentile", rng=np.random.default_rng(3)
    ).confidence_interval
    error = values.std() / math.sqrt(len(values))
    assert bootstrap_interval(values) == pytest.approx(tuple(theirs), abs=0.12 * error)


def test_bootstrap_of_almost_nothing():
    assert bootstrap_interval(np.array([])) == (0.0, 0.0)
    assert bootstrap_interval(np.array([0.3])) == (0.3, 0.3)
    assert bootstrap_interval(np.full(10, 0.25)) == (0.25, 0.25)


@pytest.mark.parametrize("case", [f"significance/multiple_testing_{i}" for i in range(3)])
def test_holm_agrees_with_statsmodels(vectors, case):
    case = vectors["cases"][case]
    adjusted = holm(np.array(vectors["inputs"][case["inputs"]]["p"]))
    np.testing.assert_allclose(adjusted, case["expected"]["holm"]["adjusted"], rtol=1e-9)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_keeps_the_order_and_stays_between_p_and_one(p_values):
    p = np.array(p_values)
    adjusted = holm(p)
    assert ((adjusted >= p) & (adjusted <= 1)).all()
    assert (np.diff(adjusted[np.argsort(p, kind="stable")]) >= 0).all()


def test_minimum_detectable_effect_in_closed_form():
    differences = np.random.default_rng(4).normal(0.1, 0.3, 400)
    expected = (stats.norm.ppf(0.975) + stats.norm.ppf(0.8)) * stats.sem(differences)
    assert minimum_detectable_effect(differences) == pytest.approx(expected)


@pytest.mark.parametrize(("differences", "effect"), [([], 1.0), ([0.1], 1.0), ([0.1, 0.1], 0.0)])
def test_minimum_detectable_effect_of_almost_nothing(differences, effect):
    assert minimum_detectable_effect(np.array(differences)) == effect


def test_memory_does_not_grow_with_draws_times_queries():
    """20,000 queries and 10,000 draws are 200 million numbers; made at once they would take 1.6 GB."""
    differences = np.random.default_rng(7).normal(0, 0.1, 20_000)
    tracemalloc.start()
    paired_permutation(differences, draws=500)
    bootstrap_interval(differences, draws=500)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60e6  # 10 million numbers of 8 bytes would be 80 MB


def test_a_p_value_is_never_rounded_across_the_level():
    found = compare_paired(np.zeros(60), np.full(60, 0.1), metric="ndcg@10")
    assert "p < 0.05)" in dataclasses.replace(found, p_value=0.04996).sentence
    assert "p = 0.050)" in dataclasses.replace(found, p_value=0.0501, verdict="no difference shown").sentence
    assert "p = 0.049)" in dataclasses.replace(found, p_value=0.0491).sentence


def test_intervals_of_several_metrics_are_those_of_each_alone():
    rng = np.random.default_rng(12)
    values = {"ndcg@10": rng.random(40), "recall@10": rng.integers(0, 2, 40).astype(float)}
    together = bootstrap_intervals(values, seed=5)
    for name, own in values.items():
        assert together[name] == pytest.approx(bootstrap_interval(own, seed=5))
        drawn = own[np.random.default_rng(5).integers(0, 40, (10_000, 40))].mean(axis=1)
        assert together[name] == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])))
