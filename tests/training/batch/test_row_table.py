import numpy as np
import torch

from embedtune.data.rows import Rows
from embedtune.identity import text_id
from embedtune.losses.shared.identity import KnownPositives
from embedtune.training.batch.curriculum import Curriculum
from embedtune.training.batch.row_table import build_table


def known_of(batch) -> set[tuple[int, int]]:
    return {(row, one) for row, one in batch.known_positive_ids.tolist()}


def vectors(columns: int, rows: int) -> list[torch.Tensor]:
    return [torch.full((rows, 3), float(column)) for column in range(columns)]


def test_a_batch_carries_the_ids_of_its_rows_in_batch_order(rows, known):
    table = build_table(rows, known)
    batch = table.batch(torch.tensor([2, 0]), vectors(4, 2), step=7, guide=None)
    assert batch.anchor_ids.tolist() == [text_id("세 번째 질문"), text_id("question one")]
    assert batch.positive_ids.tolist() == [text_id("세 번째 답"), text_id("answer one")]
    assert batch.step == 7


def test_missing_negatives_are_masked(rows, known):
    batch = build_table(rows, known).batch(torch.tensor([0, 1, 2]), vectors(4, 3), step=0, guide=None)
    assert batch.negatives.shape == (3, 2, 3)
    assert batch.negatives_mask.tolist() == [[True, True], [False, False], [True, False]]
    assert batch.negative_ids[2, 0].item() == text_id("wrong c")


def test_negatives_keep_their_column_order(rows, known):
    batch = build_table(rows, known).batch(torch.tensor([0]), vectors(4, 1), step=0, guide=None)
    assert batch.negatives[0, 0].tolist() == [2.0, 2.0, 2.0]
    assert batch.negatives[0, 1].tolist() == [3.0, 3.0, 3.0]


def test_known_positives_are_those_of_the_same_question_and_of_the_judgments_but_not_the_own(rows, known):
    batch = build_table(rows, known).batch(torch.tensor([1, 3, 0, 2]), vectors(2, 4), step=0, guide=None)
    assert known_of(batch) == {(1, text_id("answer one")), (2, text_id("another answer one"))}
    queued = torch.tensor([text_id("judged elsewhere"), text_id("answer one")])
    among = build_table(rows, known).known_among(torch.tensor([1, 3]), queued)
    assert among.tolist() == [[0, text_id("judged elsewhere")], [1, text_id("answer one")]]


def test_at_most_per_row_negatives_are_used(rows, known):
    table = build_table(rows, known, curriculum=Curriculum(rows, 1))
    assert table.curriculum.chosen == 1
    batch = table.batch(torch.arange(4), vectors(3, 4), step=0, guide=None)
    assert batch.negatives_mask.tolist() == [[True], [False], [True], [False]]
    assert batch.negative_ids.tolist() == [[text_id("wrong a")], [0], [text_id("wrong c")], [0]]
    assert Curriculum(rows, 0).chosen == 0


def test_rows_without_negatives_give_a_batch_without_them(known):
    plain = Rows(anchors=["a", "b"], positives=["c", "d"])
    batch = build_table(plain, known).batch(torch.tensor([0, 1]), vectors(2, 2), step=0, guide=None)
    assert batch.negatives is None and batch.negatives_mask is None and batch.negative_ids is None


def test_labels_become_numbers_that_agree_where_the_labels_do():
    labelled = Rows(anchors=["a", "b", "c"], positives=["d", "e", "f"], labels=["환불", "배송", "환불"])
    batch = build_table(labelled, labelled.anchor_ids[:0]).batch(torch.arange(3), vectors(2, 3), step=0, guide=None)
    first, second, third = batch.labels.tolist()
    assert first == third != second


def test_texts_of_one_form_are_one_text_in_every_column():
    """The second row asks the first question in capitals; the third was given the first answer as a negative."""
    rows = Rows(
        anchors=["question one", "QUESTION one?", "another question"],
        positives=["Answer one.", "answer two", "answer three"],
        negatives=[[], ["ANSWER\u00a0ONE"], ["answer one", "Answer three!"]],
    )
    pairs = np.stack([rows.anchor_ids, rows.positive_ids], axis=1)
    batch = build_table(rows, pairs).batch(torch.arange(3), vectors(4, 3), step=0, guide=None)
    first, second, _ = batch.positive_ids.tolist()
    assert batch.anchor_ids[0] == batch.anchor_ids[1] != batch.anchor_ids[2]
    assert known_of(batch) == {(0, second), (1, first)}
    own = KnownPositives(batch).own_mask(batch.negative_ids)
    assert own.tolist() == [[False, False], [True, False], [False, True]]
