"""Spherical k-means: agreement with scikit-learn where groups are clear, and no empty cluster."""

import numpy as np
import pytest

from embedtune.search.kmeans import _filled, spherical_kmeans


def groups(seed=0, number=4, each=25):
    draw = np.random.default_rng(seed)
    middles = np.linalg.qr(draw.standard_normal((8, 8)))[0][:number]  # (K, D)
    vectors = np.repeat(middles, each, axis=0) + 0.05 * draw.standard_normal((number * each, 8))
    return (vectors * draw.uniform(0.5, 3, (len(vectors), 1))).astype(np.float32), np.repeat(np.arange(number), each)


@pytest.mark.parametrize("seed", [0, 1])
def test_clear_groups_are_found_whatever_the_lengths(seed):
    vectors, truth = groups(seed)
    centroids, found = spherical_kmeans(vectors, 4, seed=seed)
    same = found[:, None] == found[None, :]
    # At worst a local optimum, two groups in one cluster and one in two: 1,250 + 313 of 10,000 pairs.
    assert (same == (truth[:, None] == truth[None, :])).mean() > 0.84
    np.testing.assert_allclose(np.linalg.norm(centroids, axis=1), 1, rtol=1e-5)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    np.testing.assert_array_equal(found, (unit @ centroids.T).argmax(axis=1))


def test_the_same_seed_finds_the_same():
    vectors, _ = groups()
    first, again = (spherical_kmeans(vectors, 5, seed=3) for _ in range(2))
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])


def test_equal_vectors_fill_every_cluster():
    _, found = spherical_kmeans(np.ones((6, 3), np.float32), 4)
    assert set(found.tolist()) == {0, 1, 2, 3}


def test_the_farthest_vector_of_a_cluster_that_has_others_fills_an_empty_one():
    clusters = np.array([0, 0, 0, 1])
    nearness = np.array([0.9, 0.2, 0.5, 0.1], np.float32)
    assert _filled(clusters, nearness, 3).tolist() == [0, 2, 0, 1]


def test_zero_vectors_are_no_mistake():
    assert len(spherical_kmeans(np.zeros((3, 2), np.float32), 2)[1]) == 3
