"""Significance against exact enumeration, scipy and statsmodels, and by simulation of no effect and of a true one."""

import dataclasses
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from embedtune.evaluation.verdicts.paired_tests import (
    minimum_detectable_effect,
    paired_permutation,
)
from embedtune.evaluation.verdicts.significance import Comparison, adjusted, compare_paired

SIZES = np.array([0.07, 0.13, 0.37, 0.5, 0.63, 1.0])  # what moving a relevant document by some ranks is worth
CHANGED = 0.4  # the share of queries on which two good encoders differ


def changes(rng, queries, rising=0.5):
    """Differences as nDCG has them: most queries unchanged, a few sizes, up with the probability `rising`."""
    sizes = rng.choice(SIZES, queries) * (rng.random(queries) < CHANGED)
    return np.where(rng.random(queries) < rising, sizes, -sizes)


@pytest.mark.slow
def test_under_a_true_null_a_verdict_is_rare():
    """1,000 comparisons of two equally good encoders: 5% or fewer are called, whatever the number of queries."""
    rng, called, rounds = np.random.default_rng(5), {}, 250
    for queries in (30, 60, 120, 300):
        found = [
            compare_paired(np.zeros(queries), changes(rng, queries), metric="ndcg@10", draws=500, seed=seed)
            for seed in range(rounds)
        ]
        called[queries] = sum(one.verdict != "no difference shown" for one in found) / rounds
    error = 3 * math.sqrt(0.05 * 0.95 / (4 * rounds))
    assert 0.05 - error < sum(called.values()) / 4 < 0.05 + error  # and not so rare that the test would be blind
    assert max(called.values()) < 0.05 + 2 * error


@pytest.mark.slow
@pytest.mark.parametrize("queries", [50, 150, 300])
def test_the_minimum_detectable_effect_is_detected_four_times_in_five(queries):
    """`rising` is chosen so that the mean is (z_0.975 + z_0.8) sd / sqrt(n), the mean's own part of sd included."""
    rng, rounds = np.random.default_rng(6), 400
    z = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)
    effect = z * math.sqrt(CHANGED * (SIZES**2).mean() / (queries + z**2))
    rising = (1 + effect / (CHANGED * SIZES.mean())) / 2
    samples = [changes(rng, queries, rising) for _ in range(rounds)]
    stated = [minimum_detectable_effect(sample) for sample in samples]
    assert np.median(stated) == pytest.approx(effect, rel=0.05)
    found = sum(paired_permutation(sample, draws=500) < 0.05 for sample in samples)
    assert found / rounds == pytest.approx(0.8, abs=3 * math.sqrt(0.8 * 0.2 / rounds))


def test_verdicts_made_together_go_by_holm():
    one = compare_paired(np.zeros(60), np.full(60, 0.1), metric="ndcg@10")
    found = [
        dataclasses.replace(one, p_value=0.01),
        dataclasses.replace(one, p_value=0.03, difference=-0.1, verdict="worse"),
        dataclasses.replace(one, p_value=0.02),
    ]
    together = adjusted(found)
    assert [one.p_value for one in together] == pytest.approx([0.03, 0.04, 0.04])
    assert [one.verdict for one in together] == ["better", "worse", "better"]
    together = adjusted([*found, dataclasses.replace(one, p_value=0.5)])
    assert [one.p_value for one in together] == pytest.approx([0.04, 0.06, 0.06, 0.5])
    assert [one.verdict for one in together] == ["better", *["no difference shown"] * 3]
    assert adjusted([]) == []


def test_better():
    rng = np.random.default_rng(8)
    before = rng.uniform(0, 0.8, 1500)
    after = before + rng.normal(0.1, 0.1, 1500)
    found = compare_paired(before, after, metric="ndcg@10", on="all")
    assert found.verdict == "better" and not found.weak and found.queries == 1500
    assert found.difference == pytest.approx(after.mean() - before.mean())
    assert found.interval[0] < found.difference < found.interval[1]
    assert found.sentence.startswith(f"Better: nDCG@10 rose from {before.mean():.3f} to {after.mean():.3f} (+0.")
    assert found.sentence.endswith(", p < 0.001) over 1,500 test queries.")
    opposite = compare_paired(after, before, metric="ndcg@10")
    assert opposite.verdict == "worse" and opposite.difference == -found.difference
    assert opposite.sentence.startswith("Worse: nDCG@10 fell from")


def test_no_difference_says_what_would_have_escaped():
    rng = np.random.default_rng(9)
    before = rng.uniform(0, 1, 104)
    found = compare_paired(before, before + rng.normal(0, 0.1, 104), metric="mrr@10", on="unseen")
    assert found.verdict == "no difference shown"
    assert found.sentence.startswith("No difference shown: MRR@10 went from")
    assert "104 test queries whose relevant documents are not in the training data" in found.sentence
    assert (
        f"a true difference below {found.minimum_detectable_effect:.3f} would usually go undetected" in found.sentence
    )


def test_few_queries_are_weak_evidence():
    before = np.random.default_rng(10).uniform(0, 0.5, 49)
    found = compare_paired(before, before + 0.2, metric="ndcg@10")
    assert found.weak and found.verdict == "better"
    assert found.sentence.startswith("Better (weak evidence: fewer than 50 queries): nDCG@10")
    assert not compare_paired(np.append(before, 0.1), np.append(before, 0.1), metric="ndcg@10").weak


def test_between_two_systems_nothing_rose_or_fell():
    low, high = np.zeros(60), np.full(60, 0.25)
    assert (
        compare_paired(low, high, metric="ndcg@10")
        .between("bm25", "m")
        .startswith("m is better than bm25: nDCG@10 0.250 against 0.000 (+0.250, 95% interval")
    )
    assert compare_paired(high, low, metric="ndcg@10").between("A", "B").startswith("B is worse than A: nDCG@10 0.000")
    few = compare_paired(low[:9], high[:9], metric="ndcg@10").between("A", "B")
    assert few.startswith("B is better than A (weak evidence: fewer than 50 queries): nDCG@10 0.250 against 0.000 (")
    same = compare_paired(low, low, metric="ndcg@10").between("A", "B")
    assert same.startswith("No difference shown between B and A: nDCG@10 0.000 against 0.000 (+0.000")
    assert "a verdict needs two or more" in compare_paired(low[:1], low[:1], metric="ndcg@10").between("A", "B")


@pytest.mark.parametrize("queries", [0, 1])
def test_fewer_than_two_queries_show_nothing(queries):
    found = compare_paired(np.zeros(queries), np.ones(queries), metric="ndcg@10", on="unseen")
    assert (found.verdict, found.p_value, found.weak) == ("no difference shown", 1.0, True)
    needed = "a verdict needs two or more test queries whose relevant documents are not in the training data"
    assert found.sentence == f"No difference shown: {needed}; there {'are 0' if queries == 0 else 'is 1'}."


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(*[st.sampled_from([0.0, 0.5, 1.0])] * 2), max_size=60))
def test_never_nan_and_always_json(pairs):
    before, after = np.array(pairs).reshape(-1, 2).T
    found = compare_paired(before, after, metric="ndcg@10", draws=200)
    plain = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert plain["sentence"] == found.sentence and plain["interval"] == list(found.interval)
    assert plain["interval"][0] <= plain["interval"][1]
    assert (found.verdict == "no difference shown") == (found.p_value >= 0.05)


def test_a_difference_below_a_thousandth_still_has_its_direction():
    found = Comparison("ndcg@10", "all", 90_000, 0.6001, 0.6004, 0.0003, (0.0001, 0.0005), 0.003, 0.0002, "better")
    assert str(found).startswith("Better: nDCG@10 rose from 0.600 to 0.600 (+0.000,")


def test_values_of_different_queries_cannot_be_paired():
    with pytest.raises(ValueError, match="the same length, not 3 and 2"):
        compare_paired(np.zeros(3), np.zeros(2), metric="ndcg@10")


def test_no_bound_is_claimed_where_no_query_changed():
    found = compare_paired(np.full(60, 0.3), np.full(60, 0.3), metric="ndcg@10")
    assert found.sentence.endswith("p = 1.000) over 60 test queries.")


def test_an_end_of_an_interval_that_is_nearly_zero_has_no_sign_of_its_own() -> None:
    found = Comparison("ndcg@10", "all", 900, 0.5, 0.5001, -0.0001, (-0.0004, 0.0002), 0.4, 0.01, "no difference shown")
    assert "-0.000" not in str(found) and "95% interval +0.000 to +0.000" in str(found)
