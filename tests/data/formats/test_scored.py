import pytest

from embedtune.data.formats.shared.find import read_part
from embedtune.data.sources.tables import open_table
from embedtune.errors import DataError


def scored(*scores):
    return [{"sentence1": f"문장 {i}", "sentence2": f"글 {i}", "score": score} for i, score in enumerate(scores)]


def test_pairs_from_four_fifths_of_the_highest_score_up_are_kept(put, lines) -> None:
    part = read_part(open_table(put("a.jsonl", lines(scored(5.0, 4.0, 3.99, 0, 2)))), {})
    assert part.content.anchors == ["문장 0", "문장 1"]
    assert "of 5 scored pairs, the 2 with a score of 4 or more (highest: 5)" in part.said[0]


def test_scores_in_csv_are_numbers_too(put) -> None:
    path = put("a.csv", "score,sentence1,sentence2\n1.0,a,b\n0.1,c,d\n")
    assert read_part(open_table(path), {}).content.anchors == ["a"]


@pytest.mark.parametrize("score", ["high", True, [1]])
def test_what_is_no_number_is_refused(put, lines, score) -> None:
    with pytest.raises(DataError, match="must be a number"):
        read_part(open_table(put("a.jsonl", lines(scored(5, 2, score)))), {})


@pytest.mark.parametrize("score", ["-", None, "", float("nan")])
def test_a_row_without_a_score_is_left_out_and_counted(put, lines, score) -> None:
    part = read_part(open_table(put("a.jsonl", lines(scored(5, score, 2)))), {})
    assert part.scored.scores == [5.0, 2.0]
    assert [(one.code, one.count, one.severity) for one in part.findings] == [("unlabelled-rows", 1, "note")]
    assert part.findings[0].examples[0].startswith(str(put("a.jsonl", lines(scored(5, score, 2)))) + ":2: 'score' is ")


def test_scores_that_never_rise_above_nothing_are_refused(put, lines) -> None:
    with pytest.raises(DataError, match="highest score is 0"):
        read_part(open_table(put("a.jsonl", lines(scored(0, -1)))), {})
