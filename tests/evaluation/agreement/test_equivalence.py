"""The equivalence test against scipy's own one-sided t-tests."""

import numpy as np
import pytest
from scipy import stats

from embedtune.evaluation.agreement.equivalence import compare_equivalent


@pytest.mark.parametrize("shift", [0.0, 0.002, -0.004, 0.02])
@pytest.mark.parametrize("count", [5, 400])
def test_it_is_two_one_sided_tests(shift: float, count: int) -> None:
    rng = np.random.default_rng(1)
    before = rng.uniform(size=count)
    after = before + rng.normal(shift, 0.02, count)
    found = compare_equivalent(before, after, metric="ndcg@10", bound=0.005)
    d = after - before
    low = stats.ttest_1samp(d, -0.005, alternative="greater").pvalue
    high = stats.ttest_1samp(d, 0.005, alternative="less").pvalue
    assert found.p_value == pytest.approx(max(low, high))
    interval = stats.ttest_1samp(d, 0).confidence_interval(0.9)
    assert found.interval == pytest.approx((interval.low, interval.high))
    assert found.equivalent == (interval.low > -0.005 and interval.high < 0.005)


def test_few_queries_show_nothing() -> None:
    for count in (0, 1):
        assert not compare_equivalent(np.zeros(count), np.zeros(count), metric="ndcg@10").equivalent


def test_a_constant_loss_is_no_equality() -> None:
    assert not compare_equivalent(np.zeros(50), np.full(50, 0.005), metric="ndcg@10").equivalent


def test_unpaired_values_are_refused() -> None:
    with pytest.raises(ValueError, match="same length"):
        compare_equivalent(np.zeros(3), np.zeros(4), metric="ndcg@10")
