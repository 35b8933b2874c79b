"""The queue against a plain list, and against a loss given the same candidates by hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from embedtune.config.sections.objective import LossSection
from embedtune.data.rows import Rows
from embedtune.losses import EmbeddingBatch, build_loss
from embedtune.training.batch.row_table import build_table
from embedtune.training.batch.row_texts import RowTexts
from embedtune.training.companions.queue import Queue
from embedtune.training.guide.vectors import GuideTable
from embedtune.training.step.adapter import ObjectiveAdapter
from embedtune.training.step.objective import build_objective

ROWS = Rows(
    anchors=[f"question {number}" for number in range(8)],
    # Row 7 has the positive of row 0.
    positives=[*(f"{number}번 답" for number in range(7)), "0번 답"],
)


@pytest.fixture
def table():
    return build_table(ROWS, np.stack([ROWS.anchor_ids, ROWS.positive_ids], axis=1))


def vectors(rows, seed):
    draw = torch.Generator().manual_seed(seed)
    return [torch.randn(len(rows), 4, generator=draw, dtype=torch.float64, requires_grad=True) for _ in range(2)]


def batch_of(table, rows, seed):
    return table.batch(torch.tensor(rows), vectors(rows, seed), step=seed, guide=None)


def guide_of(seed):
    guide = GuideTable(RowTexts(ROWS, 0))
    noise = np.random.default_rng(seed)
    guide.fill(lambda texts, role: noise.standard_normal((len(texts), 3), dtype=np.float32))
    return guide


@pytest.mark.parametrize("size", [1, 3, 5, 100])
def test_it_holds_the_last_positives_of_other_rows(table, size):
    queue, entries = Queue(size, table, None), []
    for step, rows in enumerate([[0, 1], [2, 3, 4], [5, 0], [1, 6, 7], [2, 3, 4, 5, 6]]):
        batch = batch_of(table, rows, step)
        found = queue.complete(batch, torch.tensor(rows))
        wanted = [(row, vector) for row, vector in entries if row not in rows]
        if wanted:
            assert found.queue_ids.tolist() == [int(ROWS.positive_ids[row]) for row, _ in wanted]
            assert torch.equal(found.queue, torch.stack([vector for _, vector in wanted]))
        else:
            assert found.queue is None and found.queue_ids is None
        queue.step(found, torch.tensor(rows))
        entries = [*wanted, *zip(rows, batch.positives.detach(), strict=True)][-size:]
        assert queue.gauges() == {"queue.filled": len(entries)}


def test_no_gradient_reaches_the_past(table):
    queue, past = Queue(4, table, None), batch_of(table, [0, 1], 0)
    queue.step(past, torch.tensor([0, 1]))
    now = queue.complete(batch_of(table, [2, 3], 1), torch.tensor([2, 3]))
    build_loss("infonce")(now).backward()
    assert now.anchors.grad.any() and past.positives.grad is None


def test_the_backward_pass_may_come_after_the_queue_has_moved_on(table):
    """The trainer goes backward when the step is over; a changed tensor would stop it or spoil it."""
    rows, queue = torch.tensor([2, 3]), Queue(2, table, None)
    queue.step(batch_of(table, [0, 1], 0), torch.tensor([0, 1]))
    late, early = (queue.complete(batch_of(table, [2, 3], 1), rows) for _ in range(2))
    build_loss("infonce")(early).backward()
    value = build_loss("infonce")(late)
    queue.step(late, rows)
    value.backward()
    assert torch.equal(late.anchors.grad, early.anchors.grad)


@pytest.mark.parametrize("name", ["infonce", "gist"])
def test_the_adapter_gives_losses_the_queue_with_ids_and_the_guide_of_its_texts(table, name):
    """Two steps against a loss given the first step's positives by hand; row 7 meets its own text in the queue."""
    guide = guide_of(0) if name == "gist" else None
    adapter = ObjectiveAdapter(
        torch.nn.Identity(), build_objective([LossSection(name=name)]), table, guide, [Queue(8, table, guide)]
    )
    adapter.model.forward = lambda features: {"sentence_embedding": features["vectors"]}
    first, second = vectors([0, 1, 2], 1), vectors([7, 3], 2)
    adapter([{"vectors": one} for one in first], torch.tensor([0, 1, 2]))
    if guide is not None:  # a guide refreshed meanwhile judges old entries too
        guide.fill(lambda texts, role: np.random.default_rng(5).standard_normal((len(texts), 3), dtype=np.float32))
    found = adapter([{"vectors": one} for one in second], torch.tensor([7, 3]))[name]
    at = None if guide is None else guide.batch(torch.tensor([7, 3]), torch.device("cpu"))
    queued = None if guide is None else guide.batch(torch.tensor([0, 1, 2]), torch.device("cpu")).positives
    by_hand = EmbeddingBatch(
        anchors=second[0],
        positives=second[1],
        # Without ids, so the text that row 7 shares with the queue is left out for it by hand, and row 3 has it.
        queue=first[1].detach(),
        queue_ids=torch.tensor([10, 11, 12]),
        anchor_ids=torch.tensor([1, 2]),
        positive_ids=torch.tensor([3, 4]),
        known_positive_ids=torch.tensor([[0, 10]]),
        guide=None if at is None else replace(at, queue=queued),
    )
    torch.testing.assert_close(found, build_loss(name)(by_hand))
    assert found != build_loss(name)(replace(by_hand, known_positive_ids=None))
    assert adapter.gauges()["queue.filled"] == 5


def test_scoring_without_gradients_leaves_it_alone(table):
    queue = Queue(8, table, None)
    adapter = ObjectiveAdapter(
        torch.nn.Identity(), build_objective([LossSection(name="infonce")]), table, None, [queue]
    )
    adapter.model.forward = lambda features: {"sentence_embedding": features["vectors"]}
    with torch.no_grad():
        adapter([{"vectors": one} for one in vectors([0, 1], 1)], torch.tensor([0, 1]))
    assert queue.gauges() == {"queue.filled": 0.0}


def test_what_is_saved_is_what_goes_on(table):
    queue, other = Queue(3, table, None), Queue(3, table, None)
    assert queue.state() == {}
    queue.step(batch_of(table, [0, 1], 0), torch.tensor([0, 1]))
    other.restore({"guide.queries": torch.zeros(1), **queue.state()})
    for one in (queue, other):
        one.step(batch_of(table, [2, 3], 1), torch.tensor([2, 3]))
    ours, theirs = (one.complete(batch_of(table, [5], 2), torch.tensor([5])) for one in (queue, other))
    assert torch.equal(ours.queue, theirs.queue) and torch.equal(ours.queue_ids, theirs.queue_ids)
    assert ours.queue_ids.tolist() == [int(ROWS.positive_ids[row]) for row in (1, 2, 3)]


@pytest.mark.parametrize("closure", [False, True])
def test_known_positives_are_found_in_the_queue(closure):
    # Question 0 has two answers; over question 1, which shares one, closure adds a third.
    rows = Rows(anchors=["질문 0", "질문 0", "질문 1", "질문 1", "질문 2"], positives=["가", "나", "나", "다", "라"])
    pairs = np.stack([rows.anchor_ids, rows.positive_ids], axis=1)
    table = build_table(rows, pairs, closure=closure)
    queue = Queue(8, table, None)
    queue.step(batch_of(table, [1, 2, 3, 4], 0), torch.tensor([1, 2, 3, 4]))
    known = queue.complete(batch_of(table, [0], 1), torch.tensor([0])).known_positive_ids
    wanted = {int(rows.positive_ids[row]) for row in ((1, 3) if closure else (1,))}
    assert {one for position, one in known.tolist() if position == 0} == wanted
