"""Some rows of a batch are what a batch made of these rows alone would be."""

from dataclasses import fields

import torch

from embedtune.losses import EmbeddingBatch, build_loss
from embedtune.losses.shared.part import alike, rows_of


def test_every_field_by_row_is_taken_and_known_positives_move_along(make_batch):
    batch, chosen = make_batch(), torch.tensor([True, False, True, True, False, False])
    part = rows_of(batch, chosen)
    for field in fields(EmbeddingBatch):
        whole, taken = getattr(batch, field.name), getattr(part, field.name)
        if isinstance(whole, torch.Tensor) and whole.shape[:1] == (6,) and field.name != "known_positive_ids":
            torch.testing.assert_close(taken, whole[[0, 2, 3]], equal_nan=True)
    expected = [[{0: 0, 2: 1, 3: 2}[row], text] for row, text in batch.known_positive_ids.tolist() if row in (0, 2, 3)]
    assert part.known_positive_ids.tolist() == expected
    torch.testing.assert_close(part.guide.anchors, batch.guide.anchors[[0, 2, 3]])
    assert part.queue is batch.queue


def test_rows_that_are_not_chosen_have_no_part_in_a_loss(make_batch, with_leaves):
    chosen = torch.tensor([True, True, False, True, True, False])
    batch, leaves = with_leaves(make_batch())
    value = build_loss("gist")(rows_of(batch, chosen))
    value.backward()
    for leaf in leaves:
        assert not leaf.grad[~chosen].any() and leaf.grad[chosen].any()


def test_all_rows_are_the_batch_itself(make_batch):
    batch = make_batch()
    assert rows_of(batch, torch.ones(6, dtype=torch.bool)) is batch


def test_pairs_without_a_score_belong_together():
    assert alike(torch.tensor([0.8, 0.79, torch.nan, 1.0])).tolist() == [True, False, True, True]
