"""Forgetting against matrices worked out by hand, a slow loop written from the papers' formulas, and simulation."""

import numpy as np
import pytest

from embedtune.evaluation.domains.forgetting import forgetting_of, matrix_of, measures
from embedtune.evaluation.verdicts.query_groups import QueryGroups

# After domain 1, 2 and 3 (rows), on domain 1, 2 and 3; the start before them.
START = [0.20, 0.30, 0.10]
AFTER = [[0.80, 0.40, 0.20], [0.85, 0.90, 0.30], [0.50, 0.60, 0.70]]


def by_the_papers(start: list[float], after: list[list[float]]) -> dict[str, float]:
    """Chaudhry et al. 2018, equation 3; Lopez-Paz and Ranzato 2017, section 2: T tasks numbered from 1."""
    t = len(after)
    a = {(k, j): after[k - 1][j - 1] for k in range(1, t + 1) for j in range(1, t + 1)}
    f = [max(a[k, j] for k in range(1, t)) - a[t, j] for j in range(1, t)]
    return {
        "score": sum(f) / (t - 1),
        "backward": sum(a[t, i] - a[i, i] for i in range(1, t)) / (t - 1),
        "forward": sum(a[i - 1, i] - start[i - 1] for i in range(2, t + 1)) / (t - 1),
        "learned": sum(a[i, i] for i in range(1, t + 1)) / t,
        "final": sum(a[t, i] for i in range(1, t + 1)) / t,
    }


def test_a_matrix_worked_out_by_hand() -> None:
    found = measures(np.array([START, *AFTER]))
    # Domain 1 was best after stage 2 (0.85) and ends at 0.50; domain 2 was best at 0.90 and ends at 0.60.
    assert found["score"] == pytest.approx((0.35 + 0.30) / 2)
    assert found["backward"] == pytest.approx(((0.50 - 0.80) + (0.60 - 0.90)) / 2)
    assert found["forward"] == pytest.approx(((0.40 - 0.30) + (0.30 - 0.10)) / 2)
    assert found["learned"] == pytest.approx((0.80 + 0.90 + 0.70) / 3)
    assert found["final"] == pytest.approx((0.50 + 0.60 + 0.70) / 3)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_agrees_with_the_formulas_of_the_papers(count: int) -> None:
    rng = np.random.default_rng(count)
    start, after = rng.random(count), rng.random((count, count))
    expected = by_the_papers(start.tolist(), after.tolist())
    assert {k: float(v) for k, v in measures(np.concatenate([start[None], after])).items()} == pytest.approx(expected)


def test_many_matrices_at_once_are_as_each_alone() -> None:
    drawn = np.random.default_rng(0).random((4, 4, 3))
    together = measures(drawn)
    for place in range(4):
        assert {k: v[place] for k, v in together.items()} == pytest.approx(measures(drawn[place]))


def spread(means: np.ndarray, each: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Values per query with exactly these means by stage and domain, which go up and down together over the stages."""
    stages, count = means.shape
    noise = np.random.default_rng(seed).normal(scale=0.1, size=(count, each))
    noise -= noise.mean(axis=1, keepdims=True)
    values = (means[:, :, None] + noise[None]).reshape(stages, count * each)
    return values, np.repeat(np.arange(count), each)


def test_values_of_queries_become_the_matrix_and_its_measures() -> None:
    means = np.array([START, *AFTER])
    values, domains = spread(means, 40)
    assert matrix_of(values, domains) == pytest.approx(means)
    found = forgetting_of(values, domains, "abc", metric="ndcg@10", joint=values[-1] + 0.1)
    assert found.score.value == pytest.approx(0.325) and found.queries == (40, 40, 40)
    assert found.start == pytest.approx(tuple(START)) and found.joint == pytest.approx((0.6, 0.7, 0.8))
    # What queries share over the stages cancels, so the difference is certain and the means are not.
    assert found.score.interval == pytest.approx((0.325, 0.325))
    low, high = found.final.interval
    assert high - low == pytest.approx(2 * 1.96 * 0.1 / np.sqrt(120), rel=0.25)
    assert [one.verdict for one in found.lost] == ["worse", "worse"]
    assert found.lost[0].before == pytest.approx(0.85)


def test_order_of_the_queries_changes_no_value() -> None:
    values, domains = spread(np.array([START, *AFTER]), 20)
    order = np.random.default_rng(1).permutation(60)
    first, second = (
        forgetting_of(v, d, "abc", metric="x") for v, d in ((values, domains), (values[:, order], domains[order]))
    )
    assert second.score.value == pytest.approx(first.score.value)


def test_nothing_lost_is_no_difference() -> None:
    rng = np.random.default_rng(0)
    values = np.tile(rng.random(100), (3, 1)) + rng.normal(scale=0.05, size=(3, 100))
    found = forgetting_of(values, np.repeat([0, 1], 50), "ab", metric="x")
    assert found.score.interval[0] < 0 < found.score.interval[1]
    assert [one.verdict for one in found.lost] == ["no difference shown"]


def test_intervals_by_group_are_wider_where_queries_of_a_group_go_together() -> None:
    rng = np.random.default_rng(0)
    shift = np.repeat(rng.normal(scale=0.2, size=20), 10)  # of a group, at the last stage alone
    values = rng.normal(scale=0.02, size=(3, 200))
    values[2] += shift
    domains, groups = np.repeat([0, 1], 100), QueryGroups.by("room", np.repeat(np.arange(20), 10).astype(str).tolist())
    alone, grouped = (forgetting_of(values, domains, "ab", metric="x", groups=one) for one in (None, groups))
    width = [one.score.interval[1] - one.score.interval[0] for one in (alone, grouped)]
    assert width[1] > 2 * width[0]
    assert (grouped.groups, grouped.grouped_by, grouped.lost[0].groups) == (20, "room", 10)


def test_a_domain_of_one_query_has_no_interval() -> None:
    found = forgetting_of(np.array([[0.0, 1.0], [1.0, 0.0], [0.5, 1.0]]), np.array([0, 1]), "ab", metric="x")
    assert found.score.interval is None and found.score.value == 0.5
    assert "0.500:" in found.sentence
