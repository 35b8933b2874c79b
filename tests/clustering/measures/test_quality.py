"""Silhouette, Davies-Bouldin and Calinski-Harabasz as recorded from scikit-learn."""

import numpy as np
import pytest

from embedtune.clustering.measures.quality import SAMPLE, separation


@pytest.mark.parametrize("labels", ["true", "noisy"])
def test_reference_values(reference, labels):
    case = reference(f"internal/{labels}")
    points, own = np.array(case.inputs["X"]), np.array(case.inputs[case.labels])
    found = separation(points, own, metric="euclidean")
    assert found.silhouette == pytest.approx(case.expected["silhouette_euclidean"], rel=1e-9)
    assert found.davies_bouldin == pytest.approx(case.expected["davies_bouldin"], rel=1e-9)
    assert found.calinski_harabasz == pytest.approx(case.expected["calinski_harabasz"], rel=1e-9)
    assert separation(points, own).silhouette == pytest.approx(case.expected["silhouette_cosine"], rel=1e-9)


def test_distances_may_be_given(reference):
    case = reference("dtw_more/silhouette_of_precomputed")
    found = separation(np.array(case.expected["dtw_matrix"]), np.array(case.labels), metric="precomputed")
    assert found.silhouette == pytest.approx(np.mean(case.expected["silhouette_samples"]), rel=1e-9)


def test_noise_is_left_out_and_one_cluster_has_no_silhouette():
    points = np.eye(6)
    assert separation(points, np.array([0, 0, -1, -1, -1, -1])).silhouette is None
    assert separation(points, np.arange(6)).silhouette is None


def test_a_sample_says_its_error(blobs):
    vectors, truth = blobs
    many = np.tile(vectors, (SAMPLE // 240 + 2, 1)).astype(np.float64)
    many += 0.01 * np.random.default_rng(0).standard_normal(many.shape)
    labels = np.tile(truth, SAMPLE // 240 + 2)
    found, whole = separation(many, labels), separation(vectors, truth)
    assert found.silhouette_error > 0 == whole.silhouette_error
    assert abs(found.silhouette - whole.silhouette) < 0.05
