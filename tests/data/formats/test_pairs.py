import math

import pytest

from embedtune.data.formats.shared.find import read_part
from embedtune.data.sources.tables import open_table
from embedtune.errors import DataError


def test_all_ways_to_give_negatives(put, lines) -> None:
    base = {"anchor": "a", "positive": "b"}
    cases = [
        ({"negative": "c"}, ("c",)),
        ({"negative": ["c", "d"]}, ("c", "d")),
        ({"negatives": ["c", "d"]}, ("c", "d")),
        ({"negatives": []}, ()),
        ({"negative_1": "c", "negative_2": None}, ("c",)),
        ({"negative": "c", "negative_2": "d"}, ("c", "d")),
    ]
    for more, expected in cases:
        rows = read_part(open_table(put("a.jsonl", lines([base | more]))), {}).content
        assert (rows.negatives or [()])[0] == expected


def test_rows_may_have_more_negatives_than_the_first_rows_show(put, lines) -> None:
    plain = [{"anchor": f"a{i}", "positive": f"b{i}", "negative_1": "n"} for i in range(80)]
    late = {"anchor": "z", "positive": "y", "negative_1": "n", "negative_2": "m"}
    rows = read_part(open_table(put("a.jsonl", lines([*plain, late]))), {}).content
    assert rows.negatives[-1] == ("n", "m")


def test_an_empty_csv_cell_is_no_negative(put) -> None:
    path = put("a.csv", "anchor,positive,negative_1,negative_2\na,b,c,\nd,e,,\n")
    assert read_part(open_table(path), {}).content.negatives == [("c",), ()]


def test_mixed_kinds_of_negatives_are_refused(put, lines) -> None:
    records = [
        {"anchor": "a", "positive": "b", "negative": "c"},
        {"anchor": "d", "positive": "e", "negative": ["f"]},
        {"anchor": "g", "positive": "h", "negative": 7},
        {"anchor": "i", "positive": "j", "negative": "k"},
    ]
    with pytest.raises(DataError) as caught:
        read_part(open_table(put("a.jsonl", lines(records))), {})
    assert "2 problems" in caught.value.message
    assert "a.jsonl:2: 'negative' is a list here and a text at" in caught.value.message
    assert "a.jsonl:3: 'negative' must be text or a list of texts, got a number (7)" in caught.value.message


@pytest.mark.parametrize("cell", ["['c', 'd']", '["c", "d"]', "['c',\n 'd']"])
def test_a_list_in_a_csv_cell_is_read_as_json_and_python_write_it(put, cell) -> None:
    quoted = cell.replace('"', '""')
    rows = read_part(open_table(put("a.csv", f'anchor,positive,negatives\na,b,"{quoted}"\n')), {}).content
    assert rows.negatives == [("c", "d")]


def test_a_list_as_numpy_prints_it_is_refused_since_python_would_join_its_texts(put) -> None:
    path = put("a.csv", "anchor,positive,negatives\na,b,\"['c' 'd']\"\n")
    with pytest.raises(DataError, match="negative_1, negative_2"):
        read_part(open_table(path), {})


def test_labels_and_places_are_kept(put, lines) -> None:
    path = put("a.jsonl", lines([{"anchor": "a", "positive": "b", "label": 3}]))
    rows = read_part(open_table(path), {}).content
    assert rows.labels == ["3"]
    assert rows.places == [f"{path}:1"]


def test_scores_of_the_negatives_become_teacher_scores(put, lines) -> None:
    records = [
        {"anchor": "a", "positive": "b", "negatives": ["c", "d"], "negative_scores": [0.5, 0.25], "positive_score": 1},
        {"anchor": "e", "positive": "f", "negatives": ["g"], "negative_scores": [0.5]},
        {"anchor": "h", "positive": "i", "negatives": ["j"]},
    ]
    rows = read_part(open_table(put("a.jsonl", lines(records))), {}).content
    first, second, third = rows.teacher_scores
    assert first == [1.0, 0.5, 0.25]
    assert math.isnan(second[0]) and second[1:] == [0.5]
    assert list(third) == []


def test_scores_that_fit_nothing_are_refused(put, lines) -> None:
    base = {"anchor": "a", "positive": "b", "negatives": ["c"]}
    records = [
        base | {"negative_scores": [0.5, 0.5]},
        base | {"negative_scores": 0.5},
        base | {"negative_scores": [True]},
        base | {"negative_scores": [0.5], "positive_score": "high"},
        base | {"negative_scores": [float("inf")]},
    ]
    with pytest.raises(DataError) as caught:
        read_part(open_table(put("a.jsonl", lines(records))), {})
    for number, words in enumerate(("2 scores for 1 negative", "list of numbers", "list of", "list of", "infinity"), 1):
        assert f"a.jsonl:{number}: " in caught.value.message
        assert words in caught.value.message
    assert "5 problems" in caught.value.message


def test_mined_rows_say_who_scored_them(put, lines) -> None:
    row = {"anchor": "a", "positive": "p", "negatives": ["n"], "positive_score": 0.9, "negative_scores": [0.1]}
    told = [{**row, "provenance": {"miner": "m", "teacher": "cross-encoder c"}}, {**row, "provenance": {"miner": "m"}}]
    assert read_part(open_table(put("mined.jsonl", lines(told))), {}).content.teachers == ["cross-encoder c", ""]
    untold = [told[0], {**row, "provenance": "somewhere"}]
    assert read_part(open_table(put("other.jsonl", lines(untold))), {}).content.teachers is None


def test_a_score_that_a_teacher_did_not_give_is_a_gap(put, lines) -> None:
    row = {
        "anchor": "a",
        "positive": "p",
        "negatives": ["n", "m"],
        "positive_score": None,
        "negative_scores": [None, 2],
    }
    (scores,) = read_part(open_table(put("gaps.jsonl", lines([row]))), {}).content.teacher_scores
    assert all(map(math.isnan, scores[:2]))
    assert scores[2] == 2


def test_a_row_may_have_prompts_of_its_own(put, lines) -> None:
    records = [
        {"anchor": "a", "positive": "b", "query_prompt": "find: ", "document_prompt": ""},
        {"anchor": "c", "positive": "d", "query_prompt": None},
    ]
    part = read_part(open_table(put("prompts.jsonl", lines(records))), {})
    assert part.content.prompts == [("find: ", ""), (None, None)]
    with pytest.raises(DataError, match="'query_prompt' must be text"):
        read_part(open_table(put("odd.jsonl", lines([{"anchor": "a", "positive": "b", "query_prompt": 3}]))), {})
