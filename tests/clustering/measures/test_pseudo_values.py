"""Pseudo-values against recorded ones and finite differences; intervals that cover the truth as often as they say."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_mutual_info_score, v_measure_score

from embedtune.clustering.measures.pseudo_values import (
    ami_pseudo_values,
    half_sample_error,
    interval,
    v_pseudo_values,
)
from embedtune.evaluation.verdicts.seeds import compare_seeds


@pytest.mark.parametrize("pair", ["five_found", "unbalanced"])
def test_reference_values(reference, pair):
    case = reference(f"agreement_interval/pair_{pair}")
    truth, found = np.array(case.inputs["truth"]), np.array(case.inputs["found"])
    values = v_pseudo_values(truth, found)
    np.testing.assert_allclose(values, case.expected["pseudo_values"], rtol=1e-9, atol=1e-10)
    assert values.mean() == pytest.approx(v_measure_score(truth, found), abs=1e-12)


def test_they_are_the_slope_of_v_in_the_weight_of_an_item():
    draw = np.random.default_rng(1)
    truth = draw.integers(4, size=60)
    found = np.where(draw.random(60) < 0.7, truth, draw.integers(5, size=60))
    values = v_pseudo_values(truth, found)
    base, many = v_measure_score(truth, found), 400
    for item in (0, 17, 59):
        # The item counted 401 times among 400 copies of all: its weight rises by 1 / (400 * 60).
        more = [np.append(np.repeat(one, many), one[item]) for one in (truth, found)]
        slope = (v_measure_score(*more) - base) * (many * 60 + 1)
        assert base + slope == pytest.approx(values[item], abs=0.01)


def test_one_group_on_both_sides_is_all_ones():
    assert v_pseudo_values(np.zeros(5, int), np.zeros(5, int)).tolist() == [1] * 5


def test_intervals_of_repeated_draws_hold_the_truth():
    draw = np.random.default_rng(2)
    table = 0.6 * np.eye(6) / 6 + 0.4 / 36  # joint probabilities of label and cluster
    whole = draw.choice(36, p=table.ravel(), size=400_000)
    true_v = v_measure_score(whole // 6, whole % 6)
    held = 0
    for _ in range(200):
        items = draw.choice(36, p=table.ravel(), size=800)
        values = v_pseudo_values(items // 6, items % 6)
        low, high = interval([values.mean()], values.std(ddof=1) / np.sqrt(800))
        held += low <= true_v <= high
    assert held >= 0.90 * 200  # 95 % expected; below 0.90 in one of a thousand such tests


def test_half_samples_have_the_error_of_new_items():
    draw = np.random.default_rng(3)
    truth = draw.integers(5, size=600)
    found = np.where(draw.random(600) < 0.6, truth, draw.integers(5, size=600))
    own = half_sample_error(adjusted_mutual_info_score, truth, found, seed=1)
    fresh = []
    for _ in range(150):
        labels = draw.integers(5, size=600)
        clusters = np.where(draw.random(600) < 0.6, labels, draw.integers(5, size=600))
        fresh.append(adjusted_mutual_info_score(labels, clusters))
    assert own == pytest.approx(np.std(fresh, ddof=1), rel=0.35)


def test_seeds_widen_an_interval():
    low, high = interval([0.5, 0.6], 0.0)
    # The standard error of the mean of two values 0.1 apart is 0.05.
    assert (low, high) == pytest.approx((0.55 - 1.96 * 0.05, 0.55 + 1.96 * 0.05), abs=1e-4)


def test_what_items_add_to_ami_is_its_mean_and_its_error():
    draw = np.random.default_rng(4)
    truth = draw.integers(5, size=600)
    found = np.where(draw.random(600) < 0.6, truth, draw.integers(5, size=600))
    values = ami_pseudo_values(truth, found)
    assert values.mean() == pytest.approx(adjusted_mutual_info_score(truth, found), abs=1e-12)
    own = values.std(ddof=1) / np.sqrt(600)
    assert own == pytest.approx(half_sample_error(adjusted_mutual_info_score, truth, found), rel=0.25)
    assert ami_pseudo_values(np.zeros(4, int), np.zeros(4, int)).tolist() == [1] * 4


def test_two_encoders_of_equal_worth_seldom_differ():
    """Two clusterings that are wrong equally often, on texts of their own, five seeds each."""
    draw = np.random.default_rng(6)

    def seeds(truth):
        wrong = draw.random(len(truth)) < 0.3  # the encoder's own mistakes, whatever the seed
        runs = []
        for _ in range(5):
            other = wrong | (draw.random(len(truth)) < 0.05)
            runs.append(ami_pseudo_values(truth, np.where(other, draw.integers(6, size=len(truth)), truth)))
        return np.stack(runs)

    verdicts = 0
    for number in range(100):
        truth = draw.integers(6, size=300)
        found, _ = compare_seeds(seeds(truth), seeds(truth), metric="ami", draws=500, seed=number)
        verdicts += found.verdict != "no difference shown"
    assert verdicts <= 11  # 5 expected at most; above 11 in one of a hundred such tests
