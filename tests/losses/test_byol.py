"""byol against the paper's form of the reference values, and its teacher's heads."""

from dataclasses import replace

import pytest
import torch

from embedtune.errors import ConfigError
from embedtune.losses import build_loss


@pytest.mark.reference("losses_views", "byol")
def test_reference_values_and_gradients(case):
    if "loss_paper" not in case.expected:
        pytest.skip("this one is the moving average")
    leaves = {name: case.tensor(case.inputs[name]) for name in ("p0", "p1")}
    targets = torch.stack([case.tensor(case.inputs[name]) for name in ("z0", "z1")])
    value = build_loss("byol").of_predictions(torch.stack([leaves["p0"], leaves["p1"]]), targets)
    value.backward()
    case.check(value, case.expected["loss_paper"])
    for name, leaf in leaves.items():
        case.check(leaf.grad, case.expected["grad_of_loss_paper"][name])


def test_it_is_the_squared_distance_of_unit_vectors(make_batch):
    batch, loss = make_batch(dimensions=8), build_loss("byol")
    value = loss(replace(batch, weights=None))
    predictor = loss.heads["predictor"]
    unit = torch.nn.functional.normalize
    first = (unit(predictor(batch.anchors), dim=1) - unit(batch.teacher.positives, dim=1)).square().sum(dim=1)
    second = (unit(predictor(batch.positives), dim=1) - unit(batch.teacher.anchors, dim=1)).square().sum(dim=1)
    torch.testing.assert_close(value, (first + second).mean())


def test_further_views_predict_whole_ones_and_are_not_predicted(make_batch):
    batch, loss = make_batch(dimensions=8), build_loss("byol")
    views = torch.randn(1, 6, 8, dtype=torch.float64, requires_grad=True)
    value = loss(replace(batch, views=views, weights=None))
    value.backward()
    assert views.grad.any()
    guesses = [loss.heads["predictor"](one) for one in (batch.anchors, batch.positives, views[0])]
    targets = [batch.teacher.anchors, batch.teacher.positives]
    pairs = [(0, 1), (1, 0), (2, 0), (2, 1)]
    cosines = [torch.cosine_similarity(guesses[i], targets[j], dim=1) for i, j in pairs]
    torch.testing.assert_close(value, 4 - 4 * torch.stack(cosines).mean())


def test_the_teacher_has_a_projector_of_its_own_that_does_not_learn(make_batch):
    batch, loss = make_batch(dimensions=8), build_loss("byol", projector=6)
    value = loss(batch)
    value.backward()
    ((student, teacher),) = loss.averaged()
    assert student is loss.heads["projector"] and teacher is loss.teacher_heads["projector"]
    assert all(one.grad is None and not one.requires_grad for one in teacher.parameters())
    with torch.no_grad():
        teacher.weights[0].mul_(2).add_(1)
    assert loss(batch) != value


def test_without_a_teacher_it_says_what_is_missing(make_batch):
    with pytest.raises(ConfigError, match="needs an averaged teacher's vectors"):
        build_loss("byol")(replace(make_batch(), teacher=None))
