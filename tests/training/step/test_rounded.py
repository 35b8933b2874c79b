"""Vectors in few bits against numpy and against the index's own codes; gradients as if nothing had been rounded."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from embedtune.config.recipe.load import load
from embedtune.config.verbs.train import TrainConfig
from embedtune.errors import ConfigError
from embedtune.losses import EmbeddingBatch, build_loss
from embedtune.search.quantised import int8_vectors, signs
from embedtune.training.step.matryoshka import Matryoshka, cut, recipe_objective
from embedtune.training.step.rounded import rounded

FIELDS = ("anchors", "positives", "negatives", "queue", "views")


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture
def batch() -> EmbeddingBatch:
    """Five rows of 12 dimensions of any length, with two negatives (one is padding), a queue, views and a guide."""
    mask = torch.ones(5, 2, dtype=torch.bool)
    mask[3, 1] = False
    negatives = normal(5, 2, 12, seed=2)
    negatives[3, 1] = 100.0  # a padding that must not set a range
    return EmbeddingBatch(
        anchors=normal(5, 12).requires_grad_(),
        positives=normal(5, 12, seed=1).requires_grad_(),
        negatives=negatives.requires_grad_(),
        negatives_mask=mask,
        views=normal(1, 5, 12, seed=3).requires_grad_(),
        queue=normal(7, 12, seed=4),
        reference=EmbeddingBatch(anchors=normal(5, 12, seed=6), positives=normal(5, 12, seed=7)),
        guide=EmbeddingBatch(
            anchors=normal(5, 3), positives=normal(5, 3, seed=8), negatives=normal(5, 2, 3), queue=normal(7, 3)
        ),
    )


def directions(vectors):
    plain = vectors.detach().numpy()
    return plain / np.linalg.norm(plain, axis=-1, keepdims=True)


def documents(batch):
    """All real documents of the batch and the queue, one by one."""
    real = [batch.negatives[i, j] for i in range(5) for j in range(2) if batch.negatives_mask[i, j]]
    return torch.stack([*batch.positives, *batch.queue, *real])


def test_one_bit_is_the_sign_of_every_vector_at_its_length(batch):
    found = rounded(batch, "binary")
    for name in FIELDS:
        own = getattr(batch, name).detach().numpy()
        lengths = np.linalg.norm(own, axis=-1, keepdims=True)
        expected = np.where(own > 0, 1, -1) * lengths / np.sqrt(12)
        np.testing.assert_allclose(getattr(found, name).detach().numpy(), expected, rtol=1e-12)


def test_the_cosines_of_one_bit_are_the_hamming_scores_of_the_index(batch):
    found = rounded(batch, "binary")
    ours = directions(found.anchors) @ directions(found.positives).T
    bits = (signs(one.detach().numpy()).astype(int) for one in (batch.anchors, batch.positives))
    first, second = bits
    hamming = (first[:, None] != second[None]).sum(axis=2)
    np.testing.assert_allclose(ours, 1 - 2 * hamming / 12, atol=1e-12)


def test_eight_bits_are_the_codes_of_an_index_of_the_batchs_documents(batch):
    kept = int8_vectors(directions(documents(batch)).astype(np.float32))
    values = kept.low + kept.step * (kept.codes.astype(np.float64) + 128.5)
    found = rounded(batch, "int8")
    lengths = np.linalg.norm(documents(batch).detach().numpy(), axis=1, keepdims=True)
    ours = documents(found).detach().numpy() / lengths
    inner = kept.codes < 126  # the largest value of a dimension is on the border of two levels
    np.testing.assert_allclose(ours[inner], values[inner], atol=1e-6)
    assert (np.abs(ours - values) <= kept.step * 1.01).all() and inner.mean() > 0.9
    assert torch.equal(found.anchors, batch.anchors) and torch.equal(found.views, batch.views)


def test_eight_bits_are_what_numpy_computes(batch):
    unit = directions(documents(batch))
    low, high = unit.min(axis=0), unit.max(axis=0)
    step = (high - low) / 255
    expected = low + step * (np.minimum(np.floor((unit - low) / step), 254) + 0.5)
    lengths = np.linalg.norm(documents(batch).detach().numpy(), axis=1, keepdims=True)
    np.testing.assert_allclose(documents(rounded(batch, "int8")).detach().numpy(), expected * lengths, rtol=1e-9)


def test_a_dimension_in_which_all_documents_agree_stays_as_it_is():
    same = torch.tensor([[3.0, 4.0], [3.0, 4.0]])
    torch.testing.assert_close(rounded(EmbeddingBatch(anchors=same, positives=same), "int8").positives, same)


@pytest.mark.parametrize("kind", ["int8", "binary"])
def test_what_is_not_the_students_stays_exact(batch, kind):
    found = rounded(batch, kind)
    assert found.guide is batch.guide and found.reference is batch.reference


@pytest.mark.parametrize("kind", ["int8", "binary"])
@pytest.mark.parametrize("name", ["infonce", "gist"])
def test_the_gradient_is_that_at_the_rounded_vectors(batch, kind, name):
    """Independently: the rounded vectors as leaves of their own, whose gradients pass straight through."""
    loss = build_loss(name)
    leaves = {name: getattr(batch, name) for name in ("anchors", "positives", "negatives")}
    ours = torch.autograd.grad(loss(rounded(batch, kind)), list(leaves.values()), allow_unused=True)
    fixed = rounded(batch, kind)
    alone = {name: getattr(fixed, name).detach().requires_grad_() for name in leaves}
    expected = torch.autograd.grad(loss(replace(fixed, **alone)), list(alone.values()), allow_unused=True)
    for first, second in zip(ours, expected, strict=True):
        assert (first is None) == (second is None)
        if first is not None:
            torch.testing.assert_close(first, second)
    assert float(ours[0].abs().sum()) > 0


@pytest.mark.parametrize("kind", ["int8", "binary"])
def test_a_zero_vector_stays_zero_with_a_finite_gradient(kind):
    anchors = torch.zeros(2, 4, requires_grad=True)
    positives = torch.tensor([[0.0, 0.0, 0.0, 0.0], [1.0, -2.0, 3.0, 0.5]], requires_grad=True)
    found = rounded(EmbeddingBatch(anchors=anchors, positives=positives), kind)
    assert torch.equal(found.anchors, torch.zeros(2, 4)) and torch.equal(found.positives[0], torch.zeros(4))
    build_loss("infonce")(found).backward()
    assert anchors.grad.isfinite().all() and positives.grad.isfinite().all()


def objective(options, words=(), dimensions=12):
    return recipe_objective(load(TrainConfig, None, list(words), {"loss": ["gist"], **options}), dimensions)


def test_a_term_is_the_weighted_sum_over_sizes_and_kinds(batch):
    words = ["matryoshka.weights=[0.5]", "quantize_aware.weights=[3,2]"]
    asked = {"matryoshka": "8", "quantize_aware": "int8,binary"}
    nested, loss = objective(asked, words), build_loss("gist")
    expected = 0
    for size, weight in ((12, 1.0), (8, 0.5)):
        short = cut(batch, size)
        expected += weight * (loss(short) + 3 * loss(rounded(short, "int8")) + 2 * loss(rounded(short, "binary")))
    torch.testing.assert_close(nested(batch)["gist"], expected)
    gauges = nested.gauges()
    assert {name.partition("@")[2] for name in gauges if "@" in name} == {
        f"{size}{kind}" for size in (12, 8) for kind in ("", "/int8", "/binary")
    }
    plain = objective({})
    plain(batch)
    assert gauges | plain.gauges() == gauges  # what a loss measures is of the full vectors


def test_without_sizes_all_dimensions_are_rounded(batch):
    loss = build_loss("gist")
    found = objective({"quantize_aware": "binary"})(batch)["gist"]
    torch.testing.assert_close(found, loss(batch) + loss(rounded(batch, "binary")))
    assert not isinstance(objective({}), Matryoshka)


def test_losses_with_heads_are_refused():
    config = load(TrainConfig, None, [], {"loss": ["simsiam"], "quantize_aware": "binary"})
    with pytest.raises(ConfigError, match="cannot be trained on rounded ones") as caught:
        recipe_objective(config, 12)
    assert caught.value.where == "quantize_aware.kinds"


@pytest.mark.parametrize(
    ("options", "words", "said"),
    [
        ({"quantize_aware": "int8,int8"}, [], "more than once"),
        ({"quantize_aware": "int4"}, [], "int8"),
        ({"quantize_aware": "int8"}, ["quantize_aware.weights=[1,2]"], "2 weights for 1 kinds"),
    ],
)
def test_mistakes_in_a_recipe(options, words, said):
    with pytest.raises(ConfigError, match=said):
        load(TrainConfig, None, words, options)
