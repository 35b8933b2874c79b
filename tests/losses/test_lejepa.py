"""lejepa against lightly's values, its definition and its bounds."""

import pytest
import torch

from embedtune.errors import ConfigError
from embedtune.losses import EmbeddingBatch, build_loss


@pytest.mark.reference("losses_sigreg", "lejepa_loss")
def test_reference_values_and_gradients(case):
    """There the two global views are anchor and positive, and the local ones further views."""
    whole, parts = case.tensor(case.inputs["global_proj"]), case.tensor(case.inputs["local_proj"])
    batch = EmbeddingBatch(anchors=whole[0], positives=whole[1], views=parts)
    loss = build_loss("lejepa", weight=case.parameters["lambda_param"], t_max=case.parameters["t_max"])
    value = loss.with_directions(batch, case.tensor(case.inputs["A_raw"], False))
    value.backward()
    case.check(value, case.expected["loss_float64"])
    case.check_gradients({"global_proj": whole, "local_proj": parts})


def test_it_is_the_weighted_sum_of_agreement_and_each_views_sigreg():
    draw = torch.Generator().manual_seed(0)
    anchors, positives = torch.randn(2, 12, 5, generator=draw, dtype=torch.float64)
    batch = EmbeddingBatch(anchors=anchors, positives=positives, step=4)
    sketch = build_loss("sigreg", slices=8)
    # The statistic of one view: a batch whose anchors and positives are the two halves of that view.
    views = [EmbeddingBatch(anchors=one[:6], positives=one[6:], step=4) for one in (anchors, positives)]
    apart = sum((a - p) ** 2 for a, p in zip(anchors.flatten().tolist(), positives.flatten().tolist(), strict=True))
    # Each of the two views is half the difference away from their mean.
    expected = 0.8 * apart / 4 / anchors.numel() + 0.2 * sum(sketch(one) for one in views) / 2
    assert build_loss("lejepa", weight=0.2, slices=8)(batch).item() == pytest.approx(expected.item())


def test_rows_that_weigh_nothing_do_not_have_to_agree():
    anchors = torch.randn(6, 4, generator=torch.Generator().manual_seed(1))
    positives = anchors.clone()
    positives[2] += 5
    weights = torch.ones(6)
    weights[2] = 0
    loss = build_loss("lejepa")
    loss(EmbeddingBatch(anchors=anchors, positives=positives, weights=weights))
    assert loss.gauges["invariance"] == 0


def test_agreement_is_measured_on_the_scale_of_the_sketch():
    unit = torch.nn.functional.normalize(torch.randn(2, 6, 16, generator=torch.Generator().manual_seed(1)), dim=2)
    normalising = EmbeddingBatch(anchors=unit[0], positives=unit[1])
    spread = EmbeddingBatch(anchors=4 * unit[0], positives=4 * unit[1])
    assert build_loss("lejepa")(normalising).item() == pytest.approx(build_loss("lejepa")(spread).item(), rel=1e-5)


@pytest.mark.parametrize("weight", [-0.1, 1.1])
def test_the_weight_is_a_share(weight):
    with pytest.raises(ConfigError, match=f"weight must be a number at least 0 and at most 1, not {weight}"):
        build_loss("lejepa", weight=weight)
