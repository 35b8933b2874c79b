"""deepcluster against torch's own cross-entropy."""

from dataclasses import replace

import pytest
import torch

from embedtune.errors import ConfigError
from embedtune.losses import build_loss


def test_it_is_the_cross_entropy_of_both_views_with_the_cluster(make_batch, same_loss):
    def slow(batch):
        centroids = torch.nn.functional.normalize(batch.centroids, dim=1)
        rows = [
            torch.nn.functional.cross_entropy(
                torch.nn.functional.normalize(view, dim=1) @ centroids.T / 0.3, batch.clusters, reduction="none"
            )
            for view in (batch.anchors, batch.positives)
        ]
        return (torch.stack(rows).mean(dim=0) * batch.weights).sum() / batch.weights.sum()

    same_loss(build_loss("deepcluster", temperature=0.3), slow, make_batch())


def test_the_gauge_is_the_share_of_views_put_right(make_batch):
    batch, loss = make_batch(), build_loss("deepcluster")
    right = torch.eye(3, 7, dtype=torch.float64)[batch.clusters]
    loss(replace(batch, anchors=right, positives=-right))
    assert loss.gauges["accuracy"] == 0.5


def test_without_clusters_it_says_what_is_missing(make_batch):
    with pytest.raises(ConfigError, match="needs clusters"):
        build_loss("deepcluster")(replace(make_batch(), clusters=None))
