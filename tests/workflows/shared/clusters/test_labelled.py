"""Labels found again by k-means: the measures, their intervals, and whether a verdict holds."""

import numpy as np
import pytest
from scipy.stats import t as student
from sklearn.metrics import adjusted_mutual_info_score

from embedtune.clustering.measures.pseudo_values import halves
from embedtune.search.kmeans import best_kmeans
from embedtune.workflows.shared.clusters.labelled import SEEDS, STARTS, compare_clusters, labelled_clusters


def blobs(draw, middles, spread, each=25):
    """Points around middles (K, D), and which one each is around."""
    truth = np.repeat(np.arange(len(middles)), each)
    return (middles[truth] + spread * draw.standard_normal((len(truth), middles.shape[1]))).astype(np.float32), truth


@pytest.fixture(scope="module")
def overlapping():
    draw = np.random.default_rng(0)
    points, truth = blobs(draw, draw.standard_normal((6, 8)), 0.7)
    worse = points + 0.9 * draw.standard_normal(points.shape).astype(np.float32)
    return truth, [labelled_clusters(one, truth, seed=0) for one in (points, worse)], points


def test_means_and_intervals_are_those_of_clusterings_made_by_hand(overlapping):
    truth, (found, _), points = overlapping
    runs = [best_kmeans(points, 6, seed=seed, starts=STARTS).clusters for seed in range(SEEDS)]
    expected = float(np.mean([adjusted_mutual_info_score(truth, run) for run in runs]))
    assert found.means["ami"] == pytest.approx(expected)
    own = [
        adjusted_mutual_info_score(truth[rows], best_kmeans(points[rows], 6, seed=0, starts=STARTS).clusters)
        for rows in halves(len(truth), seed=0)
    ]
    reach = np.std(own, ddof=1) * student.ppf(0.975, len(own) - 1)
    assert found.intervals["ami"] == pytest.approx((expected - reach, min(1.0, expected + reach)))


def test_noise_in_the_vectors_is_a_worse_grouping_and_the_same_vectors_are_no_difference(overlapping):
    _, (found, noisy), _ = overlapping
    worse, same = compare_clusters(found, noisy, seed=0), compare_clusters(found, found, seed=0)
    assert (worse.verdict, worse.metric, worse.items) == ("worse", "ami", "texts")
    assert worse.difference == pytest.approx(noisy.means["ami"] - found.means["ami"])
    assert (same.verdict, same.p_value, same.difference) == ("no difference shown", 1.0, 0.0)


@pytest.mark.slow
def test_intervals_and_verdicts_hold_in_repeated_draws(monkeypatch):
    """Fresh texts and fresh vectors each time: two encoders of equal worth, and the mean of all draws as the truth.

    At most 5% of null comparisons may have a verdict and 93% of the intervals must hold the truth, within the error of
    40 draws: 5 of 40 is what a rate of 5% exceeds once in a hundred times, and 34 of 40 what one of 93% stays below.
    """
    monkeypatch.setattr("embedtune.workflows.shared.clusters.labelled.STARTS", 2)
    monkeypatch.setattr("embedtune.workflows.shared.clusters.labelled.SEEDS", 3)
    draw = np.random.default_rng(5)
    middles = draw.standard_normal((5, 6))
    verdicts, found = [], []
    for number in range(40):
        first, truth = blobs(draw, middles, 0.9, each=24)
        other, _ = blobs(draw, middles, 0.9, each=24)
        pair = [labelled_clusters(one, truth, seed=number) for one in (first, other)]
        verdicts.append(compare_clusters(*pair, seed=number).verdict)
        found.append(pair[0])
    assert sum(one != "no difference shown" for one in verdicts) <= 5
    for measure in ("ami", "v_measure", "ari"):
        middle = np.mean([one.means[measure] for one in found])
        held = sum(low <= middle <= high for low, high in (one.intervals[measure] for one in found))
        assert held >= 34, measure
