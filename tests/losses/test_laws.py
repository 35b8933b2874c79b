"""What every loss in the folder keeps to, so that a new file is held to it without a line of test."""

import inspect
import math
from dataclasses import replace

import pytest
import torch

from embedtune.losses import EmbeddingBatch, build_loss, loss_class, loss_names

every_loss = pytest.mark.parametrize("name", loss_names())
STUDENT = ("anchors", "positives", "negatives")
OTHERS = ("guide", "teacher", "reference")
STOPPED = ("simsiam", "swav")
"""Their targets are made of the student's own vectors and get no gradient, which is what they are."""


@every_loss
def test_it_returns_one_number_and_detached_gauges(make_batch, with_leaves, name):
    batch, leaves = with_leaves(make_batch())
    loss = build_loss(name)
    value = loss(batch)
    value.backward()
    assert value.shape == ()
    assert any(leaf.grad is not None and leaf.grad.any() for leaf in leaves)
    assert loss.gauges
    for gauge in loss.gauges.values():
        assert gauge.shape == () and gauge.isfinite() and not gauge.requires_grad


@pytest.mark.parametrize("name", [name for name in loss_names() if name not in STOPPED])
def test_the_gradient_is_that_of_the_value(make_batch, name):
    batch = make_batch(size=4, negatives=2, dimensions=5)
    loss = build_loss(
        name, **({"temperature": 0.2} if "temperature" in inspect.signature(loss_class(name)).parameters else {})
    )

    def value(anchors, positives, negatives):
        return loss(replace(batch, anchors=anchors, positives=positives, negatives=negatives))

    leaves = tuple(getattr(batch, field).clone().requires_grad_() for field in STUDENT)
    assert torch.autograd.gradcheck(value, leaves)


@every_loss
def test_the_order_of_rows_does_not_matter(make_batch, permuted, with_leaves, name):
    order = [3, 0, 5, 1, 4, 2]
    batch, leaves = with_leaves(make_batch())
    moved, moved_leaves = with_leaves(permuted(make_batch(), order))
    loss = build_loss(name)
    value, moved_value = loss(batch), loss(moved)
    torch.testing.assert_close(value, moved_value)
    value.backward()
    moved_value.backward()
    for leaf, moved_leaf in zip(leaves, moved_leaves, strict=True):
        if leaf.grad is not None:
            torch.testing.assert_close(leaf.grad[order], moved_leaf.grad)


@every_loss
def test_equal_weights_are_no_weights(make_batch, name):
    batch, loss = make_batch(), build_loss(name)
    weights = torch.full((6,), 0.3, dtype=torch.float64)
    torch.testing.assert_close(loss(replace(batch, weights=weights)), loss(replace(batch, weights=None)))


@every_loss
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_it_computes_in_float32_or_wider(make_batch, name, dtype):
    batch = make_batch(dtype=dtype)
    exact = _cast(batch, torch.float64)
    value = build_loss(name)(batch)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value.double(), build_loss(name)(exact), rtol=2e-4, atol=2e-4)
    assert build_loss(name)(exact).dtype == torch.float64


@every_loss
def test_autocast_does_not_reach_into_it(make_batch, name):
    batch, loss = make_batch(dtype=torch.float32), build_loss(name)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = loss(batch)
    assert inside.item() == loss(batch).item()


@every_loss
@pytest.mark.parametrize("broken", [math.nan, math.inf])
@pytest.mark.parametrize("field", STUDENT)
def test_a_vector_that_is_not_finite_makes_it_nan(make_batch, name, field, broken):
    batch = make_batch()
    getattr(batch, field)[-1, ...] = broken
    batch.negatives_mask[-1, 0] = True
    assert build_loss(name)(batch).isnan()


@every_loss
def test_what_padding_holds_does_not_matter(make_batch, with_leaves, name):
    batch = make_batch()
    padding = ~batch.negatives_mask
    assert padding.any()
    garbage = replace(batch, negatives=batch.negatives.masked_fill(padding[..., None], math.nan))
    garbage, leaves = with_leaves(garbage)
    loss = build_loss(name)
    value = loss(garbage)
    torch.testing.assert_close(value, loss(batch))
    value.backward()
    for leaf in leaves:
        assert leaf.grad is None or leaf.grad.isfinite().all()
    assert leaves[-1].grad is None or not leaves[-1].grad[padding].any()


@every_loss
def test_a_queue_counts_for_losses_that_say_so(make_batch, name):
    batch, loss = make_batch(), build_loss(name)
    with_queue, without = loss(batch), loss(replace(batch, queue=None, queue_ids=None))
    assert loss.uses_queue == loss_class(name).uses_queue == bool(with_queue != without)


@every_loss
def test_guide_and_teacher_get_no_gradient(make_batch, with_leaves, name):
    batch = make_batch()
    batch, _ = with_leaves(replace(batch, teacher_scores=batch.teacher_scores.requires_grad_()))
    others, leaves = {}, [batch.teacher_scores]
    for other in OTHERS:
        others[other], own = with_leaves(getattr(batch, other))
        leaves += own
    build_loss(name)(replace(batch, **others)).backward()
    assert all(leaf.grad is None for leaf in leaves)


def _edges(make_batch):
    ones = torch.ones(4, 7, dtype=torch.float64)
    zero = make_batch()
    zero.anchors[0], zero.positives[1], zero.negatives[2] = 0, 0, 0
    same = torch.zeros(4, dtype=torch.long)
    one_text = EmbeddingBatch(
        anchors=ones,
        positives=ones,
        negatives=ones[:, None].clone(),
        anchor_ids=same,
        positive_ids=same,
        negative_ids=same[:, None],
        teacher_scores=torch.ones(4, 2),
        grades=torch.arange(4) / 4,
        guide=(twin := EmbeddingBatch(anchors=ones, positives=ones, negatives=ones[:, None])),
        teacher=twin,
        reference=twin,
        clusters=same,
        centroids=ones[:2],
        tokens=torch.zeros(4, 2, 3, dtype=torch.long),
        token_vectors=ones[:2],
    )
    return {
        "one row": make_batch(size=1),
        "no negatives": make_batch(negatives=0),
        "one row without negatives": replace(make_batch(size=1, negatives=0), queue=None, queue_ids=None),
        "an empty row of negatives": replace(make_batch(), negatives_mask=torch.zeros(6, 3, dtype=torch.bool)),
        "zero vectors": zero,
        "one text everywhere": one_text,
        "no ids": replace(
            make_batch(), anchor_ids=None, positive_ids=None, negative_ids=None, queue_ids=None, known_positive_ids=None
        ),
        "no weight at all": replace(make_batch(), weights=torch.zeros(6)),
    }


@every_loss
@pytest.mark.parametrize(
    "edge",
    [
        "one row",
        "no negatives",
        "one row without negatives",
        "an empty row of negatives",
        "zero vectors",
        "one text everywhere",
        "no ids",
        "no weight at all",
    ],
)
def test_edges_are_defined_and_finite(make_batch, with_leaves, name, edge):
    batch, leaves = with_leaves(_edges(make_batch)[edge])
    loss = build_loss(name)
    value = loss(batch)
    assert value.isfinite()
    if value.requires_grad:
        value.backward()
    for leaf in leaves:
        assert leaf.grad is None or leaf.grad.isfinite().all()
    assert all(gauge.isfinite() for gauge in loss.gauges.values())


@every_loss
def test_an_empty_negatives_tensor_is_like_none(make_batch, name):
    batch = make_batch(negatives=0)
    nothing = {
        "negatives": torch.zeros(6, 0, 7, dtype=torch.float64),
        "negatives_mask": torch.zeros(6, 0, dtype=torch.bool),
        "negative_ids": torch.zeros(6, 0, dtype=torch.long),
    }
    loss = build_loss(name)
    torch.testing.assert_close(loss(replace(batch, **nothing)), loss(batch))


@every_loss
def test_arguments_are_by_name_and_have_defaults(name):
    for parameter in inspect.signature(loss_class(name)).parameters.values():
        assert parameter.kind == parameter.KEYWORD_ONLY
        assert parameter.default is not parameter.empty


@every_loss
def test_it_says_what_it_is_for_what_it_costs_and_where_it_is_from(name):
    text = inspect.getdoc(loss_class(name))
    for label in ("When to use: ", "Needs: ", "Cost: ", "Source: ", "Bounds: "):
        assert text.count(label) == 1
    for parameter in inspect.signature(loss_class(name)).parameters:
        assert f"\n    {parameter}: " in text


@every_loss
def test_it_survives_a_copy_and_a_state_dict(make_batch, name):
    batch, loss = make_batch(), build_loss(name)
    other = build_loss(name)
    other.load_state_dict(loss.state_dict())
    assert other(batch).item() == loss(batch).item()


def _cast(batch, dtype):
    floats = {
        field: value.to(dtype)
        for field, value in vars(batch).items()
        if isinstance(value, torch.Tensor) and value.is_floating_point()
    }
    others = {name: _cast(other, torch.float64) for name in OTHERS if (other := getattr(batch, name)) is not None}
    return replace(batch, **others, **floats)
