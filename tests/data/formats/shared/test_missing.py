"""Rows and cells that say nothing: left out and counted, and no reason to refuse the others."""

import json

import pytest

from embedtune.data.checks.quick import check_rows
from embedtune.data.formats.shared.find import read_part
from embedtune.data.sources.documents import read_documents
from embedtune.data.sources.tables import open_table
from embedtune.errors import DataError

PLACEHOLDERS = ["nan", "NaN", "None", "NULL", "null", "#N/A", "#NAME?", "N/A", "-", "없음", "해당 없음", "undefined"]


def found(part) -> dict[str, int]:
    return {one.code: one.count for one in part.findings}


@pytest.mark.parametrize("word", [*PLACEHOLDERS, "", "   ", "[deleted]", "<NA>"])
@pytest.mark.parametrize("separator", [",", "\t"])
def test_a_whole_cell_is_a_missing_value(put, word, separator) -> None:
    rows = [("query", "positive"), *((f"q{i}", f"p{i}") for i in range(5)), ("q5", word), (word, "p6")]
    text = "".join(f"{first}{separator}{second}\n" for first, second in rows)
    path = put("a.csv" if separator == "," else "a.tsv", text)
    part = read_part(open_table(path), {})
    assert part.content.positives == [f"p{i}" for i in range(5)]
    assert found(part) == {"empty-texts": 2}
    assert [one.rpartition(": ")[0] for one in part.findings[0].examples] == [f"{path}:7", f"{path}:8"]


def test_texts_that_only_contain_such_a_word_stay(put) -> None:
    texts = ["None of them.", "nano", "Na", "no", "0", "null pointer", "a - b", "없음표"]
    path = put("a.csv", "query,positive\n" + "".join(f"q{i},{text}\n" for i, text in enumerate(texts)))
    part = read_part(open_table(path), {})
    assert part.content.positives == texts
    assert part.findings == ()


@pytest.mark.parametrize("value", [None, float("nan"), ""])
def test_nulls_and_nan_in_json_are_missing_values(put, lines, value) -> None:
    records = [{"query": f"q{i}", "positive": f"p{i}", "negative": "n"} for i in range(4)]
    records += [{"query": "q4", "positive": value, "negative": "n"}]
    records += [{"query": "q5", "positive": "p5", "negative": value}]
    part = read_part(open_table(put("a.jsonl", lines(records))), {})
    assert part.content.positives == ["p0", "p1", "p2", "p3", "p5"]
    assert part.content.negatives == [("n",)] * 4 + [()]
    assert found(part)["empty-texts"] == 1


def test_in_json_a_repeated_word_is_left_out_and_a_single_one_is_reported(put, lines) -> None:
    records = [{"query": f"q{i}", "positive": f"p{i}"} for i in range(6)]
    for row, word in ((0, "nan"), (2, "nan"), (4, "None")):
        records[row]["positive"] = word
    path = put("a.jsonl", lines(records))
    part = read_part(open_table(path), {})
    assert part.content.positives == ["p1", "p3", "None", "p5"]
    assert found(part) == {"empty-texts": 2}
    (told,) = (one for one in check_rows(part.content) if one.code == "placeholder-texts")
    assert (told.count, told.severity, told.examples) == (1, "note", (f"{path}:5: None",))


def test_scores_stay_with_their_negatives_where_one_is_missing(put, lines) -> None:
    record = {"anchor": "a", "positive": "b", "negatives": ["c", None, "d"], "scores": [0.9, 0.5, 0.4, 0.3]}
    rows = read_part(open_table(put("a.jsonl", lines([record]))), {}).content
    assert (rows.negatives, rows.teacher_scores) == ([("c", "d")], [[0.9, 0.5, 0.3]])
    flag = {"query": "a", "pos": ["b", None], "neg": ["c", ""], "pos_scores": [1, 2], "neg_scores": [3, 4]}
    rows = read_part(open_table(put("b.jsonl", lines([flag]))), {}).content
    assert (rows.negatives, rows.teacher_scores) == ([("c",)], [[1.0, 3.0]])


def test_a_row_that_lacks_a_column_is_left_out_unless_its_text_may_be_under_another_name(put, lines) -> None:
    good = [{"query": f"q{i}", "positive": f"p{i}"} for i in range(4)]
    part = read_part(open_table(put("a.jsonl", lines([*good, {"query": "q4", "id": 7}]))), {})
    assert (len(part.content), found(part)) == (4, {"empty-texts": 1})
    with pytest.raises(DataError, match="'positive' is missing; this row has 'query', 'postive'"):
        read_part(open_table(put("a.jsonl", lines([*good, {"query": "q4", "postive": "p4"}]))), {})


@pytest.mark.parametrize(
    "record", [{"pos": []}, {"pos": [None]}, {"positive_passages": []}, {"positive_passages": [{"text": ""}]}]
)
def test_a_query_without_any_positive_is_left_out(put, lines, record) -> None:
    role = next(iter(record))
    whole = {"query": "q", role: ["p"] if role == "pos" else [{"text": "p"}]}
    part = read_part(open_table(put("a.jsonl", lines([whole, whole, {"query": "q2"} | record]))), {})
    assert (len(part.content), found(part)["empty-texts"]) == (2, 1)


def test_words_for_nothing_are_no_documents_of_a_csv(put) -> None:
    path = put("a.csv", "text\nfirst\nnan\nsecond\nNone\n")
    assert read_part(open_table(path), {}).content.texts == ["first", "second"]
    assert [one.text for one in read_documents(str(path))] == ["first", "", "second", ""]


def test_the_blank_rows_below_a_sheet_are_left_out(put) -> None:
    path = put("a.csv", "query,positive\n" + "".join(f"q{i},p{i}\n" for i in range(4)) + ",\n,\n\n , \n")
    part = read_part(open_table(path), {})
    assert len(part.content) == 4
    assert found(part) == {"empty-texts": 3}


def test_one_text_without_a_class_is_left_out(put, lines) -> None:
    records = [{"text": f"t{i}", "label": f"c{i % 2}"} for i in range(6)] + [{"text": "t6", "label": None}]
    part = read_part(open_table(put("a.jsonl", lines(records))), {})
    assert (len(part.content), found(part)) == (6, {"unlabelled-rows": 1})


@pytest.mark.parametrize("dash", ["-", "", None, "hidden"])
def test_inference_rows_without_a_label_are_left_out(put, dash) -> None:
    labels = ["entailment", "contradiction", "neutral", dash]
    records = [{"premise": "p", "hypothesis": f"h{i}", "gold_label": label} for i, label in enumerate(labels)]
    part = read_part(open_table(put("a.jsonl", "".join(json.dumps(one) + "\n" for one in records))), {})
    assert (part.content.positives, part.content.negatives) == (["h0"], [("h1",)])
    assert found(part) == {"unlabelled-rows": 1}


@pytest.mark.parametrize("missing", [4, 6])
def test_where_most_rows_lack_a_text_the_columns_are_in_question(put, lines, missing) -> None:
    records = [{"query": f"q{i}", "positive": None if i < missing else f"p{i}"} for i in range(6)]
    with pytest.raises(DataError, match=f"{missing} problems") as caught:
        read_part(open_table(put("a.jsonl", lines(records))), {})
    assert "a.jsonl:1: 'positive' is nothing (null)" in caught.value.message


def test_sets_make_pairs_of_neighbours_that_are_one_class(put, lines) -> None:
    records = [{"set": ["a", "b", "c"]}, {"set": ["d", None, "e"]}, {"set": ["alone"]}]
    part = read_part(open_table(put("a.jsonl", lines(records))), {})
    rows = part.content
    assert list(zip(rows.anchors, rows.positives, strict=True)) == [("a", "b"), ("b", "c"), ("d", "e")]
    assert rows.labels[0] == rows.labels[1] != rows.labels[2]
    assert found(part) == {"empty-texts": 1}
