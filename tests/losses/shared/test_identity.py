"""The lookup of known positives against sets, one row and one candidate at a time."""

import pytest
import torch

from embedtune.losses import EmbeddingBatch, build_loss
from embedtune.losses.shared.identity import KnownPositives


def mask(known: KnownPositives, rows: int, ids: torch.Tensor) -> list[list[bool]]:
    """Whether each candidate is a known positive of each row."""
    found = torch.zeros(rows, len(ids), dtype=torch.bool)
    found[known.find(slice(0, rows), ids)] = True
    return found.tolist()


@pytest.mark.parametrize("seed", range(5))
def test_it_finds_what_sets_find(make_batch, as_texts, seed):
    batch = make_batch(size=9, negatives=4, seed=seed)
    known, texts = KnownPositives(batch), as_texts(batch)
    for role, ids in (("anchors", batch.anchor_ids), ("positives", batch.positive_ids), ("queue", batch.queue_ids)):
        expected = [[texts.is_known(i, role, j) for j in range(len(ids))] for i in range(texts.size)]
        assert mask(known, texts.size, ids) == expected
    own = [[texts.is_known(i, "negatives", (i, k)) for k in range(4)] for i in range(texts.size)]
    assert known.own_mask(batch.negative_ids).tolist() == own


def test_ids_of_either_end_of_64_bits_are_ids():
    low, high = -(2**63), 2**63 - 1
    batch = EmbeddingBatch(
        anchors=torch.eye(2),
        positives=torch.eye(2),
        anchor_ids=torch.tensor([low, 0]),
        positive_ids=torch.tensor([high, 1]),
    )
    assert mask(KnownPositives(batch), 2, torch.tensor([high, low, 5])) == [[True, True, False], [False] * 3]


def test_a_row_with_the_same_anchor_lends_its_positive():
    """Rows 0 and 1 ask the same; row 2 has row 0's positive among its negatives, and may."""
    batch = EmbeddingBatch(
        anchors=torch.eye(3),
        positives=torch.eye(3),
        anchor_ids=torch.tensor([1, 1, 2]),
        positive_ids=torch.tensor([10, 11, 12]),
    )
    expected = [[True, True, False], [True, True, False], [False, False, True]]
    assert mask(KnownPositives(batch), 3, batch.positive_ids) == expected


@pytest.mark.parametrize("name", ["gist", "infonce"])
def test_a_known_positive_pushes_nobody_away(name):
    """With every other text known as a positive of row 0, its gradient vanishes."""
    vectors = torch.eye(4, dtype=torch.float64).requires_grad_()
    batch = EmbeddingBatch(
        anchors=vectors,
        positives=vectors.detach().roll(1, 0),
        anchor_ids=torch.arange(4),
        positive_ids=10 + torch.arange(4),
        known_positive_ids=torch.tensor([[0, text] for text in (1, 2, 3, 11, 12, 13)]),
        weights=torch.tensor([1.0, 0.0, 0.0, 0.0]),
    )
    value = build_loss(name)(batch)
    value.backward()
    assert value.item() == 0
    assert not vectors.grad.any()


def test_many_known_positives_take_memory_for_what_is_found_only():
    """A table of 400 rows by 400 candidates by 400,000 pairs would be 64 GB of bools."""
    size, pairs = 400, 400_000
    draw = torch.Generator().manual_seed(0)
    known = torch.stack(
        [torch.randint(0, size, (pairs,), generator=draw), torch.randint(10**6, 10**9, (pairs,), generator=draw)], dim=1
    )
    vectors = torch.randn(size, 8, generator=draw)
    ids = torch.arange(size)
    batch = EmbeddingBatch(
        anchors=vectors, positives=vectors, anchor_ids=ids, positive_ids=size + ids, known_positive_ids=known
    )
    loss = build_loss("infonce")
    loss(batch)
    assert loss.gauges["identity_masked"] == 0
