"""Stored documents as candidates, against the vectors looked up by hand and a loss that gets them all."""

import numpy as np
import pytest
import torch

from embedtune.data.rows import Rows
from embedtune.losses import EmbeddingBatch, build_loss
from embedtune.training.batch.frozen_side import FrozenDocuments
from embedtune.training.batch.row_table import RowTable, build_table
from embedtune.training.companions.stored import StoredDocuments

ROWS = Rows(
    anchors=[f"question {number}" for number in range(12)],
    positives=[*(f"answer {number}" for number in range(10)), "answer 0", "answer 3"],
)


@pytest.fixture
def table() -> RowTable:
    return build_table(ROWS, np.stack([ROWS.anchor_ids, ROWS.positive_ids], axis=1))


@pytest.fixture
def frozen(table: RowTable) -> FrozenDocuments:
    vectors = torch.randn(len(table.texts.documents), 4, generator=torch.Generator().manual_seed(1))
    return FrozenDocuments(table.texts, vectors)


def batch_of(table: RowTable, frozen: FrozenDocuments, rows: list[int], step: int) -> EmbeddingBatch:
    numbers = torch.tensor(rows)
    anchors = torch.randn(len(rows), 4, generator=torch.Generator().manual_seed(step), requires_grad=True)
    return table.batch(numbers, [anchors, *frozen.columns(numbers, anchors.device)], step=step, guide=None)


def test_they_are_those_of_the_store_and_never_those_of_the_batch(table: RowTable, frozen: FrozenDocuments) -> None:
    stored = StoredDocuments(4, table, frozen, None, seed=3)
    numbers = table.texts.of(torch.arange(12))[1][:, 0].tolist()
    by_id = {int(ROWS.positive_ids[row]): frozen.vectors[number] for row, number in enumerate(numbers)}
    seen: set[int] = set()
    for step in range(30):
        rows = [0, 1, 11]
        found = stored.complete(batch_of(table, frozen, rows, step), torch.tensor(rows))
        assert found.queue is not None and found.queue_ids is not None
        ids = found.queue_ids.tolist()
        assert len(ids) == len(set(ids)) <= 4
        assert not {*ids} & {int(ROWS.positive_ids[row]) for row in rows}
        assert all(torch.equal(vector, by_id[one]) for one, vector in zip(ids, found.queue, strict=True))
        seen |= {*ids}
    assert seen == {int(ROWS.positive_ids[row]) for row in (2, 4, 5, 6, 7, 8, 9)}  # every other document in the end


def test_a_resumed_run_draws_what_an_uninterrupted_one_does(table: RowTable, frozen: FrozenDocuments) -> None:
    first, later = (StoredDocuments(3, table, frozen, None, seed=5) for _ in range(2))
    drawn = []
    for stored, steps in ((first, range(6)), (later, range(4, 6))):
        for step in steps:
            found = stored.complete(batch_of(table, frozen, [1, 2], step), torch.tensor([1, 2]))
            drawn.append(found.queue_ids)
    assert torch.equal(drawn[4], drawn[6]) and torch.equal(drawn[5], drawn[7])
    assert not stored.state()


def test_with_all_documents_the_loss_is_a_softmax_over_the_store(table: RowTable, frozen: FrozenDocuments) -> None:
    rows = [0, 4]
    batch = StoredDocuments(100, table, frozen, None, seed=0).complete(
        batch_of(table, frozen, rows, 7), torch.tensor(rows)
    )
    loss = build_loss("infonce", temperature=0.5)(batch)
    unit = torch.nn.functional.normalize
    scores = unit(batch.anchors) @ unit(frozen.vectors).T / 0.5  # (2, U)
    right = table.texts.of(torch.tensor(rows))[1][:, 0]
    expected = torch.nn.functional.cross_entropy(scores, right)
    assert loss.item() == pytest.approx(expected.item(), abs=1e-6)
