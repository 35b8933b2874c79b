"""simsiam against lightly's values, a plain loop, and what its stopped gradient means."""

from dataclasses import replace

import pytest
import torch

from embedtune.errors import ConfigError
from embedtune.losses import build_loss


@pytest.mark.reference("losses_views", "simsiam")
def test_reference_values_and_gradients(case):
    leaves = {name: case.tensor(case.inputs[name]) for name in ("p0", "p1", "z0", "z1")}
    predicted = torch.stack([leaves["p0"], leaves["p1"]])
    value = build_loss("simsiam").of_predictions(predicted, torch.stack([leaves["z0"], leaves["z1"]]))
    value.backward()
    case.check(value, case.expected["loss"])
    case.check_gradients({name: leaves[name] for name in ("p0", "p1")})
    assert leaves["z0"].grad is None and leaves["z1"].grad is None


def test_the_predictor_is_two_layers_with_a_bottleneck(make_batch):
    """Written out with torch's own layers, three views, row weights."""
    batch = replace(make_batch(dimensions=8), views=torch.randn(1, 6, 8, dtype=torch.float64))
    loss = build_loss("simsiam", seed=3)
    value = loss(batch)
    head = loss.heads["predictor"].double()
    assert [tuple(one.shape) for one in head.weights] == [(2, 8), (8, 2)]
    views = [batch.anchors, batch.positives, batch.views[0]]
    norm = torch.nn.BatchNorm1d(2, affine=False, dtype=torch.float64)
    predicted = []
    for view in views:
        hidden = torch.relu(norm(view @ head.weights[0].T + head.biases[0]))
        predicted.append(hidden @ head.weights[1].T + head.biases[1])
    pairs = [(i, j) for i in range(3) for j in range(3) if i != j]
    cosines = [torch.cosine_similarity(predicted[i], views[j], dim=1) for i, j in pairs]
    weights = batch.weights / batch.weights.sum()
    torch.testing.assert_close(value, -(torch.stack(cosines).mean(dim=0) * weights).sum())


def test_without_the_stop_the_targets_learn_too(make_batch):
    """The gradient is then that of the value, which gradcheck finds; with the stop it is another."""
    batch = make_batch(size=4, dimensions=5)

    def is_the_values(loss):
        leaf = batch.anchors.clone().requires_grad_()
        return torch.autograd.gradcheck(lambda one: loss(replace(batch, anchors=one)), leaf, raise_exception=False)

    assert not is_the_values(build_loss("simsiam", predictor=4))
    assert is_the_values(build_loss("simsiam", predictor=4, stop_gradient=False))


def test_a_projector_comes_first_and_its_weights_learn(make_batch):
    batch, loss = make_batch(dimensions=8), build_loss("simsiam", projector=6)
    loss(batch).backward()
    assert [tuple(one.shape) for one in loss.heads["projector"].weights] == [(6, 8), (6, 6)]
    assert all(one.grad is not None and one.grad.any() for one in loss.heads["projector"].weights)


def test_heads_are_for_one_number_of_dimensions(make_batch):
    loss = build_loss("simsiam")
    loss.prepare(7)
    with pytest.raises(ConfigError, match="are for vectors of 7 dimensions, not 4"):
        loss(make_batch(dimensions=4))


def test_the_seed_decides_the_first_weights(make_batch):
    batch = make_batch()
    first, again, other = (build_loss("simsiam", seed=seed)(batch) for seed in (0, 0, 1))
    assert first == again != other
