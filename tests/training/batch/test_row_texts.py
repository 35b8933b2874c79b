"""Which texts stand in which row: distinct ones, by role, with the negatives of the epoch."""

from dataclasses import replace

import torch

from embedtune.data.rows import Rows
from embedtune.training.batch.curriculum import Curriculum
from embedtune.training.batch.row_texts import RowTexts


def shown(texts: RowTexts, rows: list[int]) -> list[list[str]]:
    queries, documents = texts.of(torch.tensor(rows))
    return [
        [texts.queries[own[0]], *(texts.documents[number] for number in others)]
        for own, others in zip(queries.tolist(), documents.tolist(), strict=True)
    ]


def test_every_row_has_its_own_texts_and_its_positive_for_what_is_missing(rows: Rows):
    texts = RowTexts(rows, 2)
    assert shown(texts, [3, 0, 2, 1]) == [
        ["question one", "another answer one", "another answer one", "another answer one"],
        ["question one", "answer one", "wrong a", "wrong b"],
        ["세 번째 질문", "세 번째 답", "wrong c", "세 번째 답"],
        ["question two", "answer two", "answer two", "answer two"],
    ]
    assert len(texts) == 3 + 7 == len(set(texts.queries)) + len(set(texts.documents))


def test_without_negatives_there_are_pairs(rows: Rows):
    assert shown(RowTexts(rows, 0), [2]) == [["세 번째 질문", "세 번째 답"]]
    assert shown(RowTexts(replace(rows, negatives=()), 0), [1]) == [["question two", "answer two"]]


def test_a_curriculum_chooses(rows: Rows):
    many = replace(rows, negatives=[["n0", "n1", "n2"], [], ["m0"], ["k0", "k1", "k2", "k3"]])
    curriculum = Curriculum(many, 2, schedule="random", seed=1, epochs=3)
    texts = RowTexts(many, curriculum.stored, curriculum)
    seen = set()
    for epoch in range(6):
        curriculum.begin(epoch)
        for row, own in zip(range(4), shown(texts, [0, 1, 2, 3]), strict=True):
            places = curriculum.places[row].tolist()
            wanted = [many.negatives[row][place] if place >= 0 else many.positives[row] for place in places]
            assert own == [many.anchors[row], many.positives[row], *wanted]
        seen.add(tuple(own[2:][0] for own in shown(texts, [3])))
    assert len(seen) > 1
