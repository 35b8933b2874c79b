"""Scores from a file: teacher scores where a row is covered, known positives where a text comes near the positive."""

import math
from dataclasses import replace

import numpy as np
import pytest

from embedtune.data.guides.guide_file import guide_kind
from embedtune.data.guides.guide_scores import read_scores, with_scores
from embedtune.data.prepare import TrainingData
from embedtune.data.rows import Rows
from embedtune.errors import DataError
from embedtune.identity import text_id

ROWS = Rows(
    anchors=["질문 하나", "질문 둘", "question"],
    positives=["답 하나", "답 둘", "answer"],
    negatives=[["틀린 답", "답 셋"], [], ["wrong"]],
)
SCORES = [
    ("질문 하나", "답 하나", 0.8),
    ("질문 하나", "답 셋", 0.75),
    ("질문 하나", "답 둘", 0.9),
    ("질문 하나", "틀린 답", 0.1),
    ("question", "답 하나", 5.0),
]


def data() -> TrainingData:
    own = np.stack([ROWS.anchor_ids, ROWS.positive_ids], axis=1)
    return TrainingData(ROWS, None, None, [], own)


@pytest.fixture
def scored(put, lines):
    def write(scores=SCORES, query="query", document="document"):
        return put("scores.jsonl", lines([{query: q, document: d, "score": s} for q, d, s in scores]))

    return write


@pytest.mark.parametrize(("query", "document"), [("query", "document"), ("anchor", "text")])
def test_pairs_are_read_and_the_higher_score_counts(scored, query, document):
    path = scored([*SCORES, ("질문 하나", "답 하나", 0.3)], query, document)
    assert guide_kind(path) == "scores"
    found = read_scores(path)
    assert found[text_id("질문 하나")][text_id("답 하나")] == 0.8
    assert sum(map(len, found.values())) == len(SCORES)


@pytest.mark.parametrize(("margin", "known"), [(0.0, ["답 둘"]), (0.1, ["답 둘", "답 셋"])])
def test_what_comes_near_the_positive_is_no_negative(scored, margin, known):
    path = scored()
    found = with_scores(data(), read_scores(path), lambda own: own - margin, path)
    added = {tuple(pair) for pair in found.known_positives.tolist()} - {
        tuple(pair) for pair in data().known_positives.tolist()
    }
    # The question whose own positive has no score says nothing, however high its other scores are.
    assert added == {(text_id("질문 하나"), text_id(text)) for text in known}
    assert any("1 of 3 training pairs" in one for one in found.described)


def test_covered_rows_have_a_teacher_and_scores_of_the_data_go_first(scored):
    path = scored()
    teacher = with_scores(data(), read_scores(path), lambda own: own, path).train.teacher_scores
    assert teacher[0] == [0.8, 0.1, 0.75]
    assert all(math.isnan(one) for row in teacher[1:] for one in row) and [len(row) for row in teacher] == [3, 1, 2]
    own = replace(ROWS, teacher_scores=[[1.0, 0.0, 0.0], [1.0], [1.0, 0.0]])
    kept = with_scores(replace(data(), train=own), read_scores(path), lambda own: own, path)
    assert kept.train.teacher_scores == own.teacher_scores


def test_scores_that_cover_no_pair_are_refused(scored):
    path = scored([("질문 하나", "틀린 답", 0.1)])
    with pytest.raises(DataError, match="none of the 3 training pairs has a score") as caught:
        with_scores(data(), read_scores(path), lambda own: own, path)
    assert caught.value.where == str(path)


def test_faults_name_their_row(scored):
    path = scored([("질문", "답", 0.1), ("질문", " ", 0.2), ("질문", "답", float("inf"))])
    with pytest.raises(DataError) as caught:
        read_scores(path)
    assert f"{path}:2" in caught.value.message and f"{path}:3" in caught.value.message
