import numpy as np
from scipy import stats

from embedtune.racing.leaving import tests_against_leader as against_leader


def test_p_values_agree_with_scipy_and_holm_by_hand() -> None:
    random = np.random.default_rng(1)
    scores = {"leader": random.normal(0.6, 0.1, 60), "near": random.normal(0.57, 0.1, 60)}
    scores["far"] = random.normal(0.4, 0.1, 60)
    found = {test.name: test for test in against_leader(scores, draws=20_000)}
    alone = {
        name: stats.permutation_test(
            (scores[name], scores["leader"]),
            lambda a, b: np.mean(a - b),
            permutation_type="samples",
            n_resamples=20_000,
        ).pvalue
        for name in ("near", "far")
    }
    assert found["far"].p_value <= 2.5 * alone["far"] and found["far"].leaves
    assert abs(found["near"].p_value - max(alone["near"], 2 * alone["far"])) < 0.02


def test_the_leader_is_not_tested_and_equals_stay() -> None:
    same = np.linspace(0, 1, 50)
    found = against_leader({"a": same, "b": same.copy()})
    assert [test.name for test in found] == ["b"]
    assert not found[0].leaves
