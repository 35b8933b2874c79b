"""Evidence by group: does it hold what it promises where queries of a group are alike, and does evidence by query not?

The simulated windows of a recording share an effect. All constants follow from the design: with intraclass correlation
`ICC` and `EACH` windows per recording, the variance of a mean is 1 + (EACH - 1) * ICC times that of as many
independent windows (Kish 1965).
"""

import math

import numpy as np
import pytest
from scipy import stats

from embedtune.data.rows import Grouping
from embedtune.evaluation.tasks.candidates import CandidateSet
from embedtune.evaluation.tasks.retrieval import RetrievalScores
from embedtune.evaluation.verdicts.paired_tests import (
    bootstrap_interval,
    bootstrap_intervals,
    minimum_detectable_effect,
    paired_permutation,
)
from embedtune.evaluation.verdicts.query_groups import QueryGroups, in_groups, tail_of
from embedtune.evaluation.verdicts.seeds import compare_seeds
from embedtune.evaluation.verdicts.significance import Comparison, compare_paired

RECORDINGS, EACH, ICC, TRIALS, DRAWS = 20, 14, 0.5, 300, 400
GROUPS = QueryGroups.by("recording", np.repeat([f"r{n}" for n in range(RECORDINGS)], EACH).tolist())
ERROR = 3 * math.sqrt(0.05 * 0.95 / TRIALS)
"""Three standard deviations of a share of 5% among this many trials."""


def windows(seed: int) -> np.ndarray:
    """Differences of windows (n,) with mean 0 and variance 1, alike within their recording."""
    rng = np.random.default_rng(seed)
    shared = np.repeat(rng.normal(size=RECORDINGS), EACH)
    return math.sqrt(ICC) * shared + math.sqrt(1 - ICC) * rng.normal(size=RECORDINGS * EACH)


def covered(groups: QueryGroups | None) -> float:
    """How often the interval holds the true mean, 0."""
    ends = [bootstrap_interval(windows(seed), groups=groups, draws=DRAWS, seed=seed) for seed in range(TRIALS)]
    return float(np.mean([low <= 0 <= high for low, high in ends]))


def rejected(groups: QueryGroups | None) -> float:
    """How often the test finds a difference where there is none."""
    p_values = [paired_permutation(windows(seed), groups=groups, draws=DRAWS, seed=seed) for seed in range(TRIALS)]
    return float(np.mean([p < 0.05 for p in p_values]))


def test_the_interval_by_group_holds_the_truth_and_the_one_by_query_does_not():
    effect = 1 + (EACH - 1) * ICC
    promised = 1 - 2 * stats.norm.sf(stats.norm.isf(0.025) / math.sqrt(effect))  # what an interval by query covers
    assert covered(GROUPS) == pytest.approx(0.95, abs=ERROR)
    assert covered(None) == pytest.approx(promised, abs=3 * math.sqrt(promised * (1 - promised) / TRIALS))


def test_the_test_by_group_rarely_rejects_the_null_and_the_one_by_query_often_does():
    effect = 1 + (EACH - 1) * ICC
    wrong = 2 * stats.norm.sf(stats.norm.isf(0.025) / math.sqrt(effect))
    assert rejected(GROUPS) == pytest.approx(0.05, abs=ERROR)
    assert rejected(None) == pytest.approx(wrong, abs=3 * math.sqrt(wrong * (1 - wrong) / TRIALS))


def test_flipping_groups_is_scipys_test_of_their_sums():
    differences = windows(3) + 0.2
    sums = differences.reshape(RECORDINGS, EACH).sum(axis=1)
    theirs = stats.permutation_test((sums,), np.sum, permutation_type="samples", n_resamples=20_000, rng=0)
    assert paired_permutation(differences, groups=GROUPS, draws=20_000) == pytest.approx(theirs.pvalue, abs=0.015)


def test_groups_of_one_query_each_are_queries():
    alone = QueryGroups.by("query", [f"{n:03}" for n in range(280)])
    assert paired_permutation(windows(1), groups=alone) == paired_permutation(windows(1))
    assert minimum_detectable_effect(windows(1), groups=alone) == pytest.approx(
        minimum_detectable_effect(windows(1)), rel=0.01
    )


def test_the_order_of_the_queries_changes_nothing():
    values, order = windows(2), np.random.default_rng(0).permutation(RECORDINGS * EACH)
    moved = GROUPS.take(order)
    assert moved.sums(values[order]) == pytest.approx(GROUPS.sums(values))
    expected = bootstrap_interval(values, groups=GROUPS)
    assert bootstrap_interval(values[order], groups=moved) == pytest.approx(expected)


def test_unequal_groups_weigh_as_many_queries_as_they_have():
    groups, values = QueryGroups.by("room", list("aaab")), np.array([0.0, 0.0, 0.0, 4.0])
    # Drawn twice: aa has mean 0, bb 4, and ab or ba 4 / 4; the ends are those of aa and bb.
    assert bootstrap_interval(values, groups=groups) == (0.0, 4.0)
    assert compare_paired(np.zeros(4), values, metric="x", groups=groups).difference == 1.0


def test_the_standard_error_is_that_of_a_sum_over_groups():
    values = np.array([1.0, 2.0, 4.0, 7.0, 9.0])
    groups = QueryGroups.by("g", list("aabbc"))
    mean = 23 / 5
    sums = [(1 - mean) + (2 - mean), (4 - mean) + (7 - mean), 9 - mean]
    assert groups.standard_error(values) == pytest.approx(math.sqrt(3 / 2 * sum(s * s for s in sums)) / 5)


def test_the_tails_are_those_of_students_t_with_the_lacking_factor():
    reach = stats.t.isf(0.025, df=19) * math.sqrt(20 / 19)
    assert tail_of(0.95, 20) == pytest.approx(stats.norm.sf(reach))


def test_means_of_several_columns_are_drawn_alike():
    a, b = windows(4), windows(5)
    found = bootstrap_intervals({"a": a, "b": b}, groups=GROUPS, draws=DRAWS)
    assert found["b"] == pytest.approx(bootstrap_interval(b, groups=GROUPS, draws=DRAWS))


def test_both_counts_are_said():
    found = compare_paired(np.zeros(280), windows(0) + 5, metric="ndcg@10", groups=GROUPS)
    assert (found.queries, found.groups, found.grouped_by) == (280, 20, "recording")
    assert "over 280 test queries in 20 groups by recording" in found.sentence
    assert "weak evidence: fewer than 50 groups" in found.sentence
    assert found.as_dict()["groups"] == 20


def test_one_group_is_no_evidence_and_five_cannot_show_a_difference():
    one = compare_paired(np.zeros(3), np.ones(3), metric="mrr@10", groups=QueryGroups.by("g", list("aaa")))
    assert one.p_value == 1 and "needs two or more groups of test queries; there is 1" in one.sentence
    five = compare_paired(np.zeros(5), np.ones(5), metric="mrr@10", groups=QueryGroups.by("g", list("abcde")))
    assert five.verdict == "no difference shown" and "fewer than 6 groups cannot show any" in five.sentence
    six = compare_paired(np.zeros(6), np.ones(6), metric="mrr@10", groups=QueryGroups.by("g", list("abcdef")))
    assert six.verdict == "better"


def test_seeds_and_groups_are_both_chance():
    a, b = np.zeros((3, 280)), np.stack([windows(0) + shift for shift in (0.49, 0.5, 0.51)])
    by_query, by_group = (compare_seeds(a, b, metric="x", groups=groups)[0] for groups in (None, GROUPS))
    assert isinstance(by_group, Comparison) and by_group.groups == RECORDINGS
    width = [found.interval[1] - found.interval[0] for found in (by_query, by_group)]
    assert width[1] > 1.5 * width[0]


def test_a_part_of_the_queries_keeps_its_groups():
    scores = RetrievalScores(tuple("abcd"), {"x": np.arange(4.0)}, groups=QueryGroups.by("g", ["1", "1", "2", "3"]))
    part = scores.only({"b", "d"})
    assert part.groups is not None and part.groups.count == 2
    assert part.groups.mark(1) == {"group": {"g": "3"}}


def test_groups_follow_the_queries_of_a_set():
    found = QueryGroups.of_queries(Grouping("room", {"q1": "a", "q2": "b", "q3": "a"}), ["q3", "q2", "q1"])
    assert found is not None and found.sizes.tolist() == [2, 1]
    assert QueryGroups.of_queries(None, ["q1"]) is None
    assert in_groups(1, "room") == "1 group by room"


def test_candidates_are_judged_by_group():
    rng = np.random.default_rng(0)
    right = np.repeat(rng.random(RECORDINGS) < 0.6, EACH)  # a recording is right or wrong as a whole
    scores = np.where(right[:, None], [1.0, 0.0], [0.0, 1.0])
    items = CandidateSet(
        [f"t{n}" for n in range(280)], ["w0", "w1"], np.zeros(280, dtype=int), ["a", "b"], np.arange(2)
    )
    grouped = CandidateSet(items.queries, items.documents, items.truth, items.labels, items.label_of, groups=GROUPS)
    plain, found = items.judge(scores, seed=0), grouped.judge(scores, seed=0)
    assert found.metrics == plain.metrics
    for metric in ("accuracy", "macro_f1"):
        widths = [high - low for low, high in (plain.intervals[metric], found.intervals[metric])]
        assert widths[1] > 3 * widths[0]  # sqrt(14) = 3.7 times, if nothing else differed
    assert grouped.compare(plain, found, seed=0).groups == RECORDINGS
