"""Nested dimensions against an explicit sum and against sentence-transformers, values and gradients."""

from dataclasses import replace

import pytest
import torch
from sentence_transformers.sentence_transformer.losses import MatryoshkaLoss, MultipleNegativesRankingLoss

from embedtune.config.recipe.load import load
from embedtune.config.verbs.train import TrainConfig
from embedtune.errors import ConfigError
from embedtune.losses import EmbeddingBatch, build_loss
from embedtune.training.step.matryoshka import Matryoshka, cut, recipe_objective

SIZES = {12: 1.0, 8: 0.5, 3: 2.0}
LOSSES = ["gist", "infonce", "sigreg:0.1", "lejepa", "distill", "margin_mse"]


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture
def batch() -> EmbeddingBatch:
    """Four rows of 12 dimensions with two negatives, a queue, views and a guide of five."""
    return EmbeddingBatch(
        anchors=normal(4, 12).requires_grad_(),
        positives=normal(4, 12, seed=1).requires_grad_(),
        negatives=normal(4, 2, 12, seed=2).requires_grad_(),
        views=normal(1, 4, 12, seed=3).requires_grad_(),
        queue=normal(3, 12, seed=4),
        teacher_scores=normal(4, 3, seed=5),
        teacher=EmbeddingBatch(anchors=normal(4, 12, seed=6), positives=normal(4, 12, seed=7)),
        guide=EmbeddingBatch(
            anchors=normal(4, 5), positives=normal(4, 5, seed=8), negatives=normal(4, 2, 5), queue=normal(3, 5)
        ),
        step=3,
    )


def shortened(batch, size):
    """By hand, field by field."""
    return replace(
        batch,
        anchors=batch.anchors[:, :size],
        positives=batch.positives[:, :size],
        negatives=batch.negatives[:, :, :size],
        views=batch.views[:, :, :size],
        queue=batch.queue[:, :size],
    )


def gradients(value, batch):
    leaves = (batch.anchors, batch.positives, batch.negatives, batch.views)
    return torch.autograd.grad(value, leaves, allow_unused=True, retain_graph=True)


def objective(losses, sizes, dimensions=12, args=()):
    given = {size: weight for size, weight in sizes.items() if size != dimensions}
    nested = [f"matryoshka.dimensions={list(given)}", f"matryoshka.weights={list(given.values())}"]
    return recipe_objective(load(TrainConfig, None, [*nested, *args], {"loss": losses}), dimensions)


@pytest.mark.parametrize("term", LOSSES)
def test_a_term_is_the_weighted_sum_over_the_sizes(batch, term):
    name, _, factor = term.partition(":")
    loss = build_loss(name)
    expected = sum(w * float(factor or 1) * loss(shortened(batch, size)) for size, w in SIZES.items())
    found = objective([term], SIZES)(batch)
    assert list(found) == [name]
    torch.testing.assert_close(found[name], expected)
    for ours, theirs in zip(gradients(found[name], batch), gradients(expected, batch), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_it_is_what_sentence_transformers_computes():
    """Their in-batch loss with this wrapper around it, on the same vectors."""

    class Given(torch.nn.Module):
        def forward(self, features):
            return {"sentence_embedding": features["vectors"]}

        def get_embedding_dimension(self):
            return 12

    anchors, positives = normal(6, 12).requires_grad_(), normal(6, 12, seed=1).requires_grad_()
    model = Given()
    theirs = MatryoshkaLoss(model, MultipleNegativesRankingLoss(model), list(SIZES), list(SIZES.values()))
    expected = theirs([{"vectors": anchors}, {"vectors": positives}], torch.zeros(6))
    found = objective(["infonce"], SIZES)(EmbeddingBatch(anchors=anchors, positives=positives))["infonce"]
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)
    ours, other = (torch.autograd.grad(value, (anchors, positives)) for value in (found, expected))
    torch.testing.assert_close(ours, other, rtol=1e-5, atol=1e-6)


def test_a_parameter_of_the_loss_learns_from_every_size(batch):
    learnt = "loss.0.args.learnable_temperature=true"
    nested = objective(["infonce"], SIZES, args=[learnt]).double()
    (parameter,) = nested.parameters()
    nested(batch)["infonce"].backward()
    loss = build_loss("infonce", learnable_temperature=True).double()
    sum(w * loss(shortened(batch, size)) for size, w in SIZES.items()).backward()
    torch.testing.assert_close(parameter.grad, next(loss.parameters()).grad)
    assert list(nested.state_dict()) == list(objective(["infonce"], {}, args=[learnt]).state_dict())


def test_gauges_are_those_of_the_whole_vectors_beside_a_curve_for_each_size(batch):
    nested, plain = objective(["infonce"], SIZES), objective(["infonce"], {})
    nested(batch), plain(batch)
    gauges = nested.gauges()
    assert gauges | plain.gauges() == gauges
    curves = {f"infonce@{size}": build_loss("infonce")(shortened(batch, size)).item() for size in SIZES}
    assert {name: gauges[name] for name in gauges if "@" in name} == pytest.approx(curves)


def test_guide_ids_and_masks_stay_whole_and_the_teacher_is_cut(batch):
    short = cut(batch, 8)
    assert short.guide is batch.guide and short.teacher_scores is batch.teacher_scores
    assert torch.equal(short.teacher.positives, batch.teacher.positives[:, :8])


def test_vectors_of_a_model_that_normalises_are_normalised_again(batch):
    unit = torch.nn.functional.normalize
    sphere = replace(batch, anchors=unit(batch.anchors, dim=-1), positives=unit(batch.positives, dim=-1))
    torch.testing.assert_close(cut(sphere, 3).positives, unit(sphere.positives[:, :3], dim=-1))
    assert torch.equal(cut(batch, 3).positives, batch.positives[:, :3])


def test_all_dimensions_are_trained_whether_named_or_not(batch):
    unnamed = objective(["infonce"], {3: 2.0})(batch)["infonce"]
    torch.testing.assert_close(unnamed, 2 * build_loss("infonce")(shortened(batch, 3)) + build_loss("infonce")(batch))
    config = load(TrainConfig, None, ["matryoshka.dimensions=[12]", "matryoshka.weights=[3]"], {"loss": ["infonce"]})
    named = recipe_objective(config, 12)(batch)["infonce"]
    torch.testing.assert_close(named, 3 * build_loss("infonce")(batch))


def test_without_the_key_the_objective_is_plain():
    assert not isinstance(recipe_objective(load(TrainConfig, None, [], {"loss": ["infonce"]}), 12), Matryoshka)


def test_more_dimensions_than_the_encoder_has_are_refused():
    config = load(TrainConfig, None, [], {"loss": ["infonce"], "matryoshka": "256,64"})
    with pytest.raises(ConfigError, match="have 128 dimensions and cannot be cut to 256") as caught:
        recipe_objective(config, 128)
    assert caught.value.where == "matryoshka.dimensions"


@pytest.mark.parametrize("name", ["simsiam", "byol", "swav", "dino", "denoise"])
def test_losses_with_heads_are_made_for_whole_vectors(name):
    with pytest.raises(ConfigError, match=f"the heads of {name} are made for full vectors"):
        recipe_objective(load(TrainConfig, None, [], {"loss": [name], "matryoshka": "64"}), 128)


def test_barlow_without_a_projector_has_no_head_and_is_nested(batch):
    objective = recipe_objective(load(TrainConfig, None, [], {"loss": ["barlow"], "matryoshka": "4"}), 12)
    expected = build_loss("barlow")(batch) + build_loss("barlow")(cut(batch, 4))
    torch.testing.assert_close(objective(batch)["barlow"], expected)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["matryoshka.dimensions=[64,64]"], "more than once"),
        (["matryoshka.dimensions=[64,32]", "matryoshka.weights=[1]"], "1 weights for 2 dimensions"),
        (["matryoshka.dimensions=[0]"], "at least 1"),
    ],
)
def test_a_recipe_that_makes_no_sense_says_why(overrides, words):
    with pytest.raises(ConfigError, match=words):
        load(TrainConfig, None, overrides)
