import math

import pytest

from embedtune.data.formats.shared.find import read_part
from embedtune.data.sources.tables import open_table
from embedtune.errors import DataError


def test_one_row_per_positive_with_scores(put, lines) -> None:
    record = {
        "query": "q",
        "pos": ["p1", "p2"],
        "neg": ["n1", "n2"],
        "pos_scores": [0.9, 0.8],
        "neg_scores": [0.2, 0.1],
    }
    rows = read_part(open_table(put("a.jsonl", lines([record]))), {}).content
    assert rows.anchors == ["q", "q"]
    assert rows.positives == ["p1", "p2"]
    assert rows.negatives == [("n1", "n2")] * 2
    assert rows.teacher_scores == [[0.9, 0.2, 0.1], [0.8, 0.2, 0.1]]


def test_negatives_may_have_scores_alone(put, lines) -> None:
    record = {"query": "질문", "pos": ["p1", "p2"], "neg": ["n1", "n2"], "neg_scores": [0.2, 0.1]}
    rows = read_part(open_table(put("a.jsonl", lines([record]))), {}).content
    assert [own[1:] for own in rows.teacher_scores] == [[0.2, 0.1]] * 2
    assert all(math.isnan(own[0]) for own in rows.teacher_scores)


def test_without_scores_and_negatives(put, lines) -> None:
    rows = read_part(open_table(put("a.jsonl", lines([{"query": "q", "pos": ["p"]}]))), {}).content
    assert rows.teacher_scores is None
    assert not rows.has_negatives


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({"query": "q", "pos": []}, "every query needs a positive"),
        ({"query": "q", "pos": "p"}, "must be a list of texts"),
        ({"query": "q", "pos": [["p"], 1], "pos_scores": [1, 2]}, "2 problems"),
        ({"query": "q", "pos": ["", None]}, "'pos' is empty"),
        ({"query": "q", "pos": ["p"], "pos_scores": [1, 2]}, "2 scores for 1 text"),
        ({"query": "q", "pos": ["p"], "neg": ["n"], "pos_scores": [1], "neg_scores": []}, "0 scores for 1 text"),
        ({"query": "q", "pos": ["p"], "neg": ["n"], "pos_scores": [1]}, "'neg_scores' has 0 scores for 1 text"),
        ({"query": "q", "pos": ["p"], "pos_scores": ["high"]}, "list of numbers"),
    ],
)
def test_faults(put, lines, record, words) -> None:
    with pytest.raises(DataError, match=words):
        read_part(open_table(put("a.jsonl", lines([record]))), {})
