"""Blocks in tiles: the same values and gradients as in one piece, in memory that the batch does not multiply."""

import weakref
from contextlib import contextmanager
from dataclasses import replace
from unittest.mock import patch

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from embedtune.losses import EmbeddingBatch, build_loss
from embedtune.losses.shared.tiles import log_sum, tiles

DIRECTIONS = ("query_to_doc", "doc_to_query", "query_to_query", "doc_to_doc")


@contextmanager
def tiled(size: int, kept: bool = False):
    """Tiles of this many rows and columns; their softmax computed again in the backward pass unless kept."""
    with (
        patch("embedtune.losses.shared.tiles.TILE", size),
        patch("embedtune.losses.shared.tiles.KEPT_VALUES", 2**24 if kept else 0),
        patch("embedtune.losses.shared.identity.ROWS", size),
        patch("embedtune.losses.shared.distillation.PART_VALUES", 10 * size),
        patch("embedtune.losses.shared.pool.PART_VALUES", 10 * size),
    ):
        yield


@pytest.mark.parametrize("size", [1, 3, 4, 7, 100])
def test_tiles_cover_everything_once(size):
    seen = torch.zeros(7, 12)
    with tiled(size):
        for rows, columns in tiles(7, 12):
            assert 0 < rows.stop - rows.start <= size and 0 < columns.stop - columns.start <= size
            seen[rows, columns] += 1
    assert (seen == 1).all()


def masked(logits, rows, columns, first):
    """Drops all of row 2, and of the other rows every candidate whose number is a multiple of the row's."""
    row = torch.arange(rows.start, rows.stop)[:, None]
    out = (row == 2) | (torch.arange(columns.start, columns.stop) % (row + 2) == 0)
    return logits.masked_fill(out, -1e30)


@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("size", [1, 2, 3, 5, 64])
def test_the_sum_of_tiles_is_torch_s_logsumexp(size, kept):
    draw = torch.Generator().manual_seed(0)
    # Logits of about +-100: their exponentials overflow float32, and cover each other up.
    queries = (10 * torch.randn(5, 4, generator=draw, dtype=torch.float64)).requires_grad_()
    keys = (5 * torch.randn(11, 4, generator=draw, dtype=torch.float64)).requires_grad_()
    expected = masked(queries @ keys.T, slice(0, 5), slice(0, 11), True).logsumexp(dim=1)
    weights = torch.tensor([0.3, -2.0, 0.0, 1.0, 5.0], dtype=torch.float64)
    gradients = torch.autograd.grad(expected, (queries, keys), weights)
    with tiled(size, kept):
        found = log_sum(queries, keys, masked)
        torch.testing.assert_close(found, expected, rtol=1e-13, atol=0)
        torch.testing.assert_close(
            torch.autograd.grad(found, (queries, keys), weights), gradients, rtol=1e-12, atol=1e-12
        )
        single = log_sum(queries.float(), keys.float(), masked)
    torch.testing.assert_close(single.double(), expected, rtol=1e-5, atol=1e-4)


def test_a_graph_that_is_kept_gives_the_same_gradient_twice():
    queries = torch.randn(5, 4, generator=torch.Generator().manual_seed(0)).requires_grad_()
    for kept in (False, True):
        with tiled(2, kept):
            total = log_sum(queries, queries.detach(), masked)[:2].sum()
            first, second = (torch.autograd.grad(total, queries, retain_graph=True)[0] for _ in range(2))
        assert first.any() and torch.equal(first, second)


GIST = st.fixed_dictionaries(
    {
        "margin": st.sampled_from([-0.2, 0.0, 0.4]),
        "margin_strategy": st.sampled_from(["absolute", "relative"]),
        "contrast_anchors": st.booleans(),
        "contrast_positives": st.booleans(),
        "keep_own_negatives": st.booleans(),
        "false_negative_weight": st.sampled_from([0.0, 0.3, 1.0]),
        "distill_weight": st.sampled_from([0.0, 0.5]),
        "distill_over": st.sampled_from(["own", "batch"]),
    }
)


@st.composite
def infonce(draw):
    args = draw(st.fixed_dictionaries({"learnable_temperature": st.booleans()}))
    if draw(st.booleans()):
        weight = draw(st.sampled_from([0.0, 0.4, 1.0]))
        args |= {"false_negative_threshold": 0.1, "false_negative_weight": weight}
    if draw(st.booleans()):
        hardness = draw(st.sampled_from(["in_batch_negatives", "hard_negatives", "all_negatives"]))
        args |= {"hardness": hardness, "hardness_strength": 2.0}
    if draw(st.integers(0, 3)) == 0:
        return args | {"in_batch": False}
    args["directions"] = draw(st.lists(st.sampled_from(DIRECTIONS), min_size=1, unique=True))
    args["partition"] = draw(st.sampled_from(["joint", "per_direction"]))
    if args["partition"] == "per_direction" and "doc_to_query" in args["directions"] and draw(st.booleans()):
        args["temperature_reverse"] = 0.5
    return args


LOSSES = st.one_of(st.tuples(st.just("gist"), GIST), st.tuples(st.just("infonce"), infonce()))
# Fields that a batch may lack; without a row's ids its texts are all distinct.
OPTIONAL = ("guide", "queue", "negatives_mask", "weights", "known_positive_ids", "anchor_ids", "positive_ids")


@settings(max_examples=80, deadline=None)
@given(
    named=LOSSES,
    size=st.integers(1, 9),
    negatives=st.integers(0, 4),
    seed=st.integers(0, 10**6),
    tile=st.integers(1, 6),
    kept=st.booleans(),
    without=st.sets(st.sampled_from(OPTIONAL), max_size=3),
)
def test_tiles_change_nothing(named, size, negatives, seed, tile, kept, without):
    name, args = named
    if args.get("in_batch") is False:
        negatives = max(1, negatives)
    batch = random_batch(size, negatives, seed)
    batch = replace(batch, **dict.fromkeys(without))
    expected = outcome(name, args, batch)
    with tiled(tile, kept):
        found = outcome(name, args, batch)
    for ours, whole in zip(found[0], expected[0], strict=True):
        torch.testing.assert_close(ours, whole, rtol=1e-10, atol=1e-10)
    assert found[1].keys() == expected[1].keys()
    for gauge, value in found[1].items():
        torch.testing.assert_close(value, expected[1][gauge], rtol=1e-10, atol=1e-10)


def random_batch(size, negatives, seed):
    """Few distinct texts, so that many repeat; guide vectors that are the student's with noise."""
    draw = torch.Generator().manual_seed(seed)

    def texts(*shape):
        return torch.randint(0, 12, shape, generator=draw)

    known, drawn = torch.randn(12, 5, generator=draw, dtype=torch.float64), {}
    ids = {"anchor_ids": texts(size), "positive_ids": texts(size), "negative_ids": texts(size, negatives)}
    ids |= {"queue_ids": texts(3)}
    for field, of in ids.items():
        drawn[field.replace("_ids", "s").replace("queues", "queue")] = known[of]
    noisy = {
        field: vectors + torch.randn(vectors.shape, generator=draw, dtype=torch.float64)
        for field, vectors in drawn.items()
    }
    return EmbeddingBatch(
        **noisy,
        **ids,
        negatives_mask=torch.rand(size, negatives, generator=draw) < 0.7,
        weights=torch.rand(size, generator=draw, dtype=torch.float64) + 0.1,
        known_positive_ids=torch.stack([torch.randint(0, size, (4,), generator=draw), texts(4)], dim=1),
        guide=EmbeddingBatch(**drawn),
    )


def outcome(name, args, batch):
    """(value and gradients, those of learnt temperatures included), gauges."""
    loss = build_loss(name, temperature=0.2, **args).double()
    leaves = [getattr(batch, field).clone().requires_grad_() for field in ("anchors", "positives", "negatives")]
    value = loss(replace(batch, **dict(zip(("anchors", "positives", "negatives"), leaves, strict=True))))
    value.backward()
    gradients = [torch.zeros(()) if leaf.grad is None else leaf.grad for leaf in [*leaves, *loss.parameters()]]
    return [value.detach(), *gradients], loss.gauges


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("gist", {}),
        ("gist", {"false_negative_weight": 0.3, "margin": 0.1, "distill_weight": 1.0, "distill_over": "batch"}),
        ("infonce", {"directions": DIRECTIONS}),
        ("infonce", {"temperature_reverse": 0.5, "learnable_temperature": True}),
    ],
)
def test_the_gradient_is_that_of_the_value_in_tiles(make_batch, name, args):
    batch = make_batch(size=4, negatives=2, dimensions=2)
    loss = build_loss(name, temperature=0.2, **args).double()

    def value(anchors, positives, negatives, *parameters):
        return loss(replace(batch, anchors=anchors, positives=positives, negatives=negatives))

    leaves = [getattr(batch, field).clone().requires_grad_() for field in ("anchors", "positives", "negatives")]
    with tiled(3):
        assert torch.autograd.gradcheck(value, (*leaves, *loss.parameters()))


class Allocations(TorchDispatchMode):
    """The largest tensor that any operation made, in values, and the most bytes alive at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.largest = self.alive = self.peak = 0
        self._known: set[int] = set()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        made = function(*args, **(kwargs or {}))
        for one in made if isinstance(made, tuple | list) else (made,):
            if isinstance(one, torch.Tensor):
                self._count(one.untyped_storage(), one.element_size())
        return made

    def _count(self, storage, value_bytes):
        place, size = storage.data_ptr(), storage.nbytes()
        if not size or place in self._known:
            return
        self._known.add(place)
        self.largest = max(self.largest, size // value_bytes)
        self.alive += size
        self.peak = max(self.peak, self.alive)
        weakref.finalize(storage, self._freed, place, size)

    def _freed(self, place, size):
        self._known.discard(place)
        self.alive -= size


def allocations(loss, batch):
    """What the loss and its gradient allocate, beside the batch."""
    leaves = {field: getattr(batch, field).requires_grad_() for field in ("anchors", "positives", "negatives")}
    with Allocations() as counted:
        loss(replace(batch, **leaves)).backward()
    return counted


def large_batch(size, negatives=5, dimensions=8):
    draw = torch.Generator().manual_seed(0)

    def side():
        shapes = {"anchors": (size,), "positives": (size,), "negatives": (size, negatives)}
        return {field: torch.randn(*shape, dimensions, generator=draw) for field, shape in shapes.items()}

    ids = torch.arange(size * (2 + negatives))
    return EmbeddingBatch(
        **side(),
        anchor_ids=ids[:size],
        positive_ids=ids[size : 2 * size],
        negative_ids=ids[2 * size :].reshape(size, negatives),
        guide=EmbeddingBatch(**side()),
    )


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("gist", {}),
        ("gist", {"false_negative_weight": 0.5, "distill_weight": 1.0}),
        ("gist", {"distill_weight": 1.0, "distill_over": "batch"}),
        ("infonce", {"directions": DIRECTIONS, "false_negative_threshold": 0.5}),
        ("infonce", {"hardness": "hard_negatives", "hardness_strength": 1.0}),
        ("triplet", {"mining": "hard"}),
        ("triplet", {"mining": "semi_hard", "distance": "euclidean"}),
        ("triplet", {"mining": "all"}),
    ],
)
def test_no_matrix_of_rows_by_candidates_is_ever_made(name, args):
    """200 rows against 1,000 negatives: 200,000 values in one piece; the embeddings have 11,200."""
    batch, loss = large_batch(200), build_loss(name, **args)
    whole = allocations(loss, batch)
    assert whole.largest >= 200 * 1000
    with tiled(50):
        parts = allocations(loss, batch)
    assert parts.largest <= 200 * 7 * 8
    assert parts.peak < whole.peak / 4


def test_memory_grows_with_the_batch_and_not_with_its_square():
    with tiled(32):
        peaks = [allocations(build_loss("gist"), large_batch(size, negatives=2)).peak for size in (64, 128, 256)]
    # From 128 to 256 rows it grows twice as much as from 64 to 128; a square would grow four times as much.
    assert peaks[2] - peaks[1] < 2.2 * (peaks[1] - peaks[0])


def test_what_is_kept_for_the_backward_pass_is_no_more_than_vectors():
    batch, saved = large_batch(200), []
    batch = replace(batch, anchors=batch.anchors.requires_grad_(), negatives=batch.negatives.requires_grad_())
    with tiled(64), torch.autograd.graph.saved_tensors_hooks(lambda one: saved.append(one) or one, lambda one: one):
        build_loss("gist")(batch)
    assert max(one.numel() for one in saved) <= 200 * 5 * 8
    storages = {one.untyped_storage().data_ptr(): one.untyped_storage().nbytes() for one in saved}
    assert sum(storages.values()) < 4 * 4 * 200 * 7 * 8


@pytest.mark.parametrize("name", ["sigreg", "lejepa"])
def test_directions_in_chunks_bound_what_sigreg_makes(name, monkeypatch):
    """Along 512 directions, 17 knots each: of 16 directions at a time something is held, of all of them nothing."""
    batch = large_batch(200)
    loss, vectors = build_loss(name, slices=512), 200 * 7
    monkeypatch.setattr("embedtune.losses.shared.sketch.CHUNK_VALUES", vectors * 16)
    counted = allocations(loss, batch)
    assert counted.largest <= vectors * 16
    assert counted.peak < 4 * 16 * vectors * 16 < 4 * vectors * 512
