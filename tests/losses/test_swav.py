"""swav and Sinkhorn's iterations against lightly's values, scipy-free loops and their own sums."""

from dataclasses import replace

import pytest
import torch

from embedtune.errors import ConfigError
from embedtune.losses import build_loss
from embedtune.losses.swav import sinkhorn


@pytest.mark.reference("losses_views", "sinkhorn")
def test_reference_codes(case):
    scores = case.tensor(case.inputs["high_resolution_scores"][0], False)
    found = sinkhorn(scores, case.parameters["epsilon"], case.parameters["iterations"])
    case.check(found, case.expected["assignment"])


@pytest.mark.reference("losses_views", "swav")
def test_reference_values_and_gradients(case):
    parts = {"high_resolution_scores": case.tensor(case.inputs["high_resolution_scores"])}
    scores = parts["high_resolution_scores"]
    if case.parameters["low_resolution_views"]:
        parts["low_resolution_scores"] = case.tensor(case.inputs["low_resolution_scores"])
        scores = torch.cat([scores, parts["low_resolution_scores"]])
    queued = case.tensor(case.inputs["queue_scores"], False) if case.parameters["use_queue"] else None
    value = build_loss("swav").of_scores(scores, queued)
    value.backward()
    case.check(value, case.expected["loss"])
    case.check_gradients(parts)


def test_many_iterations_give_every_prototype_its_share():
    scores = torch.rand(12, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    codes = sinkhorn(scores, 0.25, 200)
    torch.testing.assert_close(codes.sum(dim=1), torch.ones(12, dtype=torch.float64))
    torch.testing.assert_close(codes.sum(dim=0), torch.full((4,), 3.0, dtype=torch.float64))


def test_a_small_epsilon_overflows_nothing():
    assert sinkhorn(torch.tensor([[1.0, -1.0], [-1.0, 1.0]]), 1e-3, 3).isfinite().all()


def test_scores_are_cosines_with_prototypes_and_the_queue_shares_their_assignment(make_batch):
    batch, loss = make_batch(), build_loss("swav", prototypes=5)
    value = loss(replace(batch, weights=None))
    prototypes = loss.heads["prototypes"].directions.double()

    def cosines(vectors):
        return torch.cosine_similarity(vectors[:, None], prototypes[None], dim=2)

    views, queued = [cosines(batch.anchors), cosines(batch.positives)], cosines(batch.queue)
    total = 0
    for one, other in ((0, 1), (1, 0)):
        codes = sinkhorn(torch.cat([views[one], queued]), 0.05, 3)[:6].detach()
        total = total - (codes * (views[other] / 0.1).log_softmax(dim=1)).sum(dim=1).mean()
    torch.testing.assert_close(value, total / 2)


def test_prototypes_learn_and_the_gauge_counts_those_in_use(make_batch):
    batch, loss = make_batch(), build_loss("swav", prototypes=5)
    loss(batch).backward()
    assert loss.heads["prototypes"].directions.grad.any()
    assert 1 <= loss.gauges["prototypes_used"] <= 5


def test_one_prototype_is_none():
    with pytest.raises(ConfigError, match="prototypes must be a whole number, 2 or more, not 1"):
        build_loss("swav", prototypes=1)
