"""Known positives of a batch against a plain loop, and their cost where they are many."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from embedtune.data.rows import Rows
from embedtune.data.splits.closure import closure_of
from embedtune.training.batch.known import ClosurePositives, DirectPositives
from embedtune.training.batch.row_table import build_table

IDS = st.integers(-12, 12)


def found(known, anchors, candidates) -> set[tuple[int, int]]:
    row, ids = known.pairs(torch.tensor(anchors), torch.tensor(candidates, dtype=torch.long))
    assert len(row) == len(ids)
    return set(zip(row.tolist(), ids.tolist(), strict=True))


@given(
    st.lists(st.tuples(IDS, IDS), min_size=1, max_size=30),
    st.lists(IDS, min_size=1, max_size=8),
    st.lists(IDS, max_size=20),
)
def test_as_by_loops(pairs, anchors, candidates):
    direct = {(i, c) for i, anchor in enumerate(anchors) for c in candidates if (anchor, c) in pairs}
    assert found(DirectPositives(np.array(pairs)), anchors, candidates) == direct
    closure = closure_of(np.array(pairs))
    group = {text: closure.group_of(np.array([text]))[0] for text in range(-12, 13)}
    chained = {
        (i, c) for i, anchor in enumerate(anchors) for c in candidates if group[c] >= 0 and group[c] == group[anchor]
    }
    assert found(ClosurePositives(closure), anchors, candidates) == chained


@pytest.mark.parametrize("closure", [False, True])
def test_a_batch_lists_no_more_than_it_holds(closure):
    """One question with 10,000 answers: 10,000 rows would have 10,000 known positives each."""
    rows = Rows(anchors=["질문"] * 10_000, positives=[f"답 {i}" for i in range(10_000)])
    table = build_table(rows, np.stack([rows.anchor_ids, rows.positive_ids], axis=1), closure=closure)
    batch = table.batch(torch.arange(50, 66), [torch.zeros(16, 2)] * 2, step=0, guide=None)
    listed = [tuple(pair) for pair in batch.known_positive_ids.tolist()]
    assert sorted(listed) == sorted((i, int(rows.positive_ids[50 + j])) for i in range(16) for j in range(16) if i != j)


def test_closure_reaches_negatives_and_goes_round_a_class():
    # A ring of one class, and a row of another that was given a text of the class as its negative.
    rows = Rows(
        anchors=["가", "나", "다", "x"], positives=["나", "다", "가", "y"], negatives=[["y"], [], ["elsewhere"], ["다"]]
    )
    pairs = np.stack([rows.anchor_ids, rows.positive_ids], axis=1)

    def known(closure):
        table = build_table(rows, pairs, closure=closure)
        batch = table.batch(torch.tensor([0, 3]), [torch.zeros(2, 2)] * 3, step=0, guide=None)
        return sorted(map(tuple, batch.known_positive_ids.tolist()))

    # Row 3's negative is 다, which the ring connects with 가; 나 is the positive of row 0 itself.
    assert known(closure=True) == [(0, int(rows.anchor_ids[2]))]
    assert known(closure=False) == []
