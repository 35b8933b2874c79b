"""Candidate labels from a file."""

import pytest

from embedtune.data.rows import LabelledTexts
from embedtune.data.texts.wordings import read_wordings
from embedtune.errors import DataError


def test_rows_and_lists_say_the_same(put, lines) -> None:
    rows = [("배송", "언제 와요?"), ("환불", "돈을 돌려주세요"), ("배송", "택배가 늦어요"), ("배송", "언제 와요?")]
    one = read_wordings(put("a.jsonl", lines([{"label": label, "text": text} for label, text in rows])))
    lists = [
        {"label": "배송", "texts": ["언제 와요?", "택배가 늦어요"]},
        {"label": "환불", "texts": ["돈을 돌려주세요"]},
    ]
    other = read_wordings(put("b.jsonl", lines(lists)))
    assert one.of == other.of == {"배송": ("언제 와요?", "택배가 늦어요"), "환불": ("돈을 돌려주세요",)}
    assert one.described == "a.jsonl: 2 candidate labels in 3 wordings"
    csv = read_wordings(put("c.csv", 'label,text\n1,"one, first"\n2,two\n'))
    assert csv.of == {"1": ("one, first",), "2": ("two",)}


def test_all_faults_at_once(put, lines) -> None:
    path = put(
        "a.jsonl", lines([{"label": "a"}, {"text": "b"}, {"label": "c", "texts": []}, {"label": "d", "text": " "}])
    )
    with pytest.raises(DataError, match="4 problems") as caught:
        read_wordings(path)
    for part in ("a.jsonl:1", "a list of texts in 'texts'", "'label' is empty", "empty list", "'text' is empty"):
        assert part in caught.value.message
    with pytest.raises(DataError, match="at least two labels"):
        read_wordings(put("b.jsonl", lines([{"label": "a", "text": "x"}])))


def test_labels_that_nobody_could_choose_and_wordings_that_say_two(put, lines) -> None:
    rows = [{"label": "a", "text": "same"}, {"label": "b", "text": "same"}, {"label": "c", "text": "other"}]
    found = read_wordings(put("a.jsonl", lines(rows)))
    with pytest.raises(DataError, match="no wording for 1 label of 2 texts in set: 'd'"):
        found.demand(LabelledTexts(["x", "y", "z"], ["d", "a", "d"]), "set")
    texts = LabelledTexts(["x"], ["a"])
    found.demand(texts, "set")
    codes = {finding.code: (finding.count, finding.examples) for finding in found.findings(texts)}
    assert codes == {"shared-wordings": (1, ("same (a, b)",)), "idle-labels": (2, ("b", "c"))}
