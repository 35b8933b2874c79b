"""align against a slow loop and NumPy's least squares gradient, with a matrix and without."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from embedtune.errors import ConfigError
from embedtune.losses import EmbeddingBatch, build_loss


def slow(batch: EmbeddingBatch) -> torch.Tensor:
    """The weighted mean of |s - t|^2 over all real texts, one text at a time."""
    total, share = torch.zeros((), dtype=torch.float64), 0.0
    for row in range(len(batch.anchors)):
        weight = 1.0 if batch.weights is None else float(batch.weights[row])
        pairs = [(batch.anchors[row], batch.teacher.anchors[row]), (batch.positives[row], batch.teacher.positives[row])]
        for place in range(0 if batch.negatives is None else batch.negatives.shape[1]):
            if batch.negatives_mask is None or batch.negatives_mask[row, place]:
                pairs.append((batch.negatives[row, place], batch.teacher.negatives[row, place]))
        for student, teacher in pairs:
            apart = student / student.norm() - teacher / teacher.norm()
            total = total + weight * (apart @ apart)
            share += weight
    return total / share


@pytest.mark.parametrize("negatives", [0, 3])
@pytest.mark.parametrize("weighted", [True, False])
def test_agrees_with_a_loop_in_value_and_gradient(make_batch, same_loss, negatives, weighted):
    batch = make_batch(negatives=negatives)
    same_loss(build_loss("align"), slow, batch if weighted else replace(batch, weights=None))


def test_the_gauge_is_the_mean_cosine_with_the_teacher(make_batch):
    batch, loss = replace(make_batch(negatives=0), weights=None), build_loss("align")
    value = loss(batch)
    assert loss.gauges["teacher_similarity"].item() == pytest.approx(1 - value.item() / 2)


def test_a_matrix_maps_other_dimensions_and_learns(make_batch):
    """The gradient of |norm(s W) - t|^2, written out in NumPy."""
    batch = replace(make_batch(negatives=0), weights=None, teacher=None)
    draw = np.random.default_rng(0)
    target = draw.normal(size=(2, 6, 4))
    target /= np.linalg.norm(target, axis=2, keepdims=True)
    teacher = EmbeddingBatch(anchors=torch.tensor(target[0]), positives=torch.tensor(target[1]))
    loss = build_loss("align").double()
    loss.prepare_teacher(7, 4)
    value = loss(replace(batch, teacher=teacher))
    value.backward()
    weight = loss.projection.weight.detach().double().numpy().T  # (D, G)
    own = np.concatenate([batch.anchors.numpy(), batch.positives.numpy()])
    mapped, wanted = own @ weight, np.concatenate([target[0], target[1]])
    lengths = np.linalg.norm(mapped, axis=1, keepdims=True)
    turned = mapped / lengths
    assert value.item() == pytest.approx(((turned - wanted) ** 2).sum(axis=1).mean())
    outer = 2 * (turned - wanted) / len(own)
    inner = (outer - turned * (outer * turned).sum(axis=1, keepdims=True)) / lengths
    np.testing.assert_allclose(loss.projection.weight.grad.numpy().T, own.T @ inner, rtol=1e-9, atol=1e-12)


def test_bounds(make_batch):
    """0 for the teacher's own vectors at any length, 2 for orthogonal ones, 4 for opposite ones."""
    one, other = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 3.0]])
    for vectors, expected in ((5 * one, 0.0), (other, 2.0), (-one, 4.0)):
        batch = EmbeddingBatch(anchors=vectors, positives=vectors, teacher=EmbeddingBatch(anchors=one, positives=one))
        assert build_loss("align")(batch).item() == pytest.approx(expected)


def test_what_it_cannot_do_is_said(make_batch):
    with pytest.raises(ConfigError, match="the teacher's vectors"):
        build_loss("align")(replace(make_batch(), teacher=None))
    other = replace(make_batch(negatives=0), teacher=make_batch(negatives=0).guide)
    with pytest.raises(ConfigError, match="7 dimensions where the teacher has 5"):
        build_loss("align", projection="none")(other)
