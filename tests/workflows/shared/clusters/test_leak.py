"""The leak of a random split, and of one by whole clusters."""

import numpy as np
import pytest

from embedtune.clustering.method import ClusterItems
from embedtune.workflows.shared.clusters.leak import THRESHOLD, leak_of


def test_near_copies_leak_at_random_and_not_by_clusters():
    """Twelve directions of ten near copies: with a tenth held out at random, a copy is nearly always left."""
    draw = np.random.default_rng(0)
    labels = np.repeat(np.arange(12), 10)
    vectors = np.eye(12)[labels] + 0.01 * draw.standard_normal((120, 12))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    leak = leak_of(ClusterItems(vectors), labels)
    assert (leak.threshold, leak.random, leak.by_cluster) == (THRESHOLD, 1.0, 0.0)


def test_the_random_share_is_that_of_a_plain_loop():
    draw = np.random.default_rng(1)
    vectors = draw.standard_normal((200, 3)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    labels = (vectors[:, 0] > 0).astype(np.int64)
    leak = leak_of(ClusterItems(vectors), labels, seed=3)
    held = np.zeros(200, dtype=bool)
    held[np.random.default_rng(3).permutation(200)[:20]] = True
    near = [
        any(float(vectors[one] @ vectors[other]) >= 0.9 for other in np.flatnonzero(~held))
        for one in np.flatnonzero(held)
    ]
    assert leak.random == pytest.approx(np.mean(near))


@pytest.mark.parametrize(("count", "clusters"), [(100, 1), (10, 2)])
def test_what_cannot_be_split_by_clusters_has_no_leak(count, clusters):
    vectors = np.eye(count, dtype=np.float32)
    assert leak_of(ClusterItems(vectors), np.arange(count) % clusters) is None
