"""barlow against lightly's values and its bounds."""

from dataclasses import replace

import pytest
import torch

from embedtune.errors import ConfigError
from embedtune.losses import EmbeddingBatch, build_loss


@pytest.mark.reference("losses_views", "barlow")
def test_reference_values_and_gradients(case):
    leaves = {name: case.tensor(case.inputs[name]) for name in ("z_a", "z_b")}
    batch = EmbeddingBatch(anchors=leaves["z_a"], positives=leaves["z_b"])
    value = build_loss("barlow", redundancy=case.parameters["lambda_param"])(batch)
    value.backward()
    case.check(value, case.expected["loss"])
    case.check_gradients(leaves)


def test_it_counts_the_entries_of_numpys_correlation(make_batch):
    import numpy as np

    batch, loss = make_batch(size=40, dimensions=5), build_loss("barlow", redundancy=0.5)
    value = loss(batch)
    correlation = np.corrcoef(batch.anchors.T.numpy(), batch.positives.T.numpy())[:5, 5:]
    off = correlation[~np.eye(5, dtype=bool)]
    expected = ((1 - correlation.diagonal()) ** 2).sum() + 0.5 * (off**2).sum()
    # numpy adds nothing to the variances.
    assert value.item() == pytest.approx(expected, rel=1e-3)
    assert loss.gauges["correlation"].item() == pytest.approx(correlation.diagonal().mean(), rel=1e-3)


def test_bounds():
    signs = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    apart = EmbeddingBatch(anchors=signs, positives=signs)
    assert build_loss("barlow")(apart).item() == pytest.approx(0, abs=1e-6)
    same = torch.ones(4, 7)
    assert build_loss("barlow")(EmbeddingBatch(anchors=same, positives=same)).item() == 7


def test_a_projector_decides_what_is_correlated(make_batch):
    batch, loss = make_batch(), build_loss("barlow", projector=5)
    value = loss(batch)
    head = loss.heads["projector"]
    by_hand = build_loss("barlow")(replace(batch, anchors=head(batch.anchors), positives=head(batch.positives)))
    torch.testing.assert_close(value, by_hand)


def test_the_weight_is_not_negative():
    with pytest.raises(ConfigError, match="redundancy must be a number at least 0, not -1"):
        build_loss("barlow", redundancy=-1)
