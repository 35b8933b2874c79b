"""Clusters of the training texts: when they are found, what a batch gets, what is kept."""

from types import SimpleNamespace

import numpy as np
import torch

from embedtune.losses import EmbeddingBatch
from embedtune.training.companions.clusters import Clusters

TEXTS = ["환불 하나", "배송 하나", "환불 둘", "배송 둘", "환불 셋"]


def encode(texts):
    return np.array(
        [[1.0, 0.01 * place] if "환불" in text else [0.0, 1.0] for place, text in enumerate(texts)], np.float32
    )


def make(number=2, calls=None):
    def counted(texts):
        if calls is not None:
            calls.append(list(texts))
        return encode(texts)

    return Clusters(TEXTS, counted, number=number, seed=0, steps_per_epoch=3)


def batch(size):
    return EmbeddingBatch(anchors=torch.zeros(size, 2), positives=torch.zeros(size, 2))


def test_texts_of_one_topic_are_of_one_cluster_and_near_its_centroid():
    clusters = make()
    clusters.find(0)
    found = clusters.complete(batch(5), torch.arange(5))
    assert found.clusters[0] == found.clusters[2] == found.clusters[4] != found.clusters[1] == found.clusters[3]
    torch.testing.assert_close(found.centroids.norm(dim=1), torch.ones(2))
    assert found.centroids[found.clusters[1]].tolist() == [0.0, 1.0]
    some = clusters.complete(batch(2), torch.tensor([3, 0]))
    assert some.clusters.tolist() == [int(found.clusters[3]), int(found.clusters[0])]


def test_they_are_found_at_the_start_of_each_epoch():
    calls = []
    clusters = make(calls=calls)
    for step in range(7):
        clusters.on_step_begin(None, SimpleNamespace(global_step=step), None)
    assert calls == [TEXTS] * 3
    assert clusters.gauges() == {"clusters.number": 2.0, "clusters.moved": 0.0}


def test_more_clusters_than_texts_are_as_many_as_texts():
    clusters = make(number=50)
    clusters.find(0)
    assert clusters.gauges()["clusters.number"] == 5


def test_what_is_saved_is_what_goes_on():
    one, other = make(), make()
    one.find(0)
    other.restore({"queue.rows": torch.zeros(1), **one.state()})
    ours, theirs = (each.complete(batch(5), torch.arange(5)) for each in (one, other))
    assert torch.equal(ours.clusters, theirs.clusters) and torch.equal(ours.centroids, theirs.centroids)
    assert one.gauges() == other.gauges()
