"""JSON of any layout is read in pieces, and what is nearly JSON gets the advice that mends it."""

import gzip
import json

import pytest

from embedtune.data.sources import streams
from embedtune.data.sources.reading import json_text
from embedtune.data.sources.reading.json_text import JsonText
from embedtune.data.sources.tables import open_table
from embedtune.errors import DataError

ROWS = [{"query": f"질문 {i}", "positive": f"[{i}] \\ {{}}", "pos": [{"text": "x"}]} for i in range(7)]


def read(path) -> list[tuple[int, dict]]:
    table = open_table(path)
    records = list(table.records)
    table.problems.raise_if_any()
    return records


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("wrap", [{"data": ROWS}, {"version": "1.1", "data": ROWS}, {"n": 7, "rows": ROWS, "x": [1]}])
def test_rows_within_an_object(put, indent, wrap) -> None:
    text = json.dumps(wrap, indent=indent)
    found = read(put("a.json", text))
    assert [record for _, record in found] == ROWS
    starts = [n for n, line in enumerate(text.splitlines(), 1) if line.startswith("  {")] if indent else [1] * 7
    assert [number for number, _ in found] == starts


def test_rows_that_hold_lists_are_rows(put) -> None:
    one = {"query": "q", "positive_passages": [{"text": "t"}]}
    assert read(put("one.jsonl", json.dumps(one))) == [(1, one)]
    two = [{"data": [{"text": "a"}]}, {"data": [{"text": "b"}]}]
    assert [record for _, record in read(put("two.jsonl", "\n".join(map(json.dumps, two))))] == two


def test_objects_over_several_lines(put) -> None:
    text = "\n".join(json.dumps(row, indent=2) for row in ROWS)
    found = read(put("a.json", text))
    assert [record for _, record in found] == ROWS
    assert [number for number, _ in found] == [n for n, line in enumerate(text.splitlines(), 1) if line == "{"]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50])
@pytest.mark.parametrize("indent", [None, 2])
def test_pieces_of_any_size_give_the_same_records(put, monkeypatch, size, indent) -> None:
    path = put("a.json", json.dumps(ROWS, indent=indent, ensure_ascii=False))
    expected = read(path)
    monkeypatch.setattr(streams, "PIECE", size)
    monkeypatch.setattr(json_text, "_FIRST", size)
    assert read(path) == expected
    assert [record for _, record in expected] == ROWS


def test_an_array_is_not_taken_into_memory(put) -> None:
    """A small compressed file holds an array of a size that matters; the first entries come before the rest is read."""
    packed = gzip.compress(b"[" + b'{"a": "b"},\n' * 500_000 + b"broken")
    records = open_table(put("a.json.gz", packed)).records
    text = next(iter(records)), next(iter(records))
    assert [number for number, _ in text] == [1, 2]
    kept = JsonText(iter([(1, "[" + '{"a": 1},' * 10)]))
    kept.ended()
    kept.skip("[")
    assert kept.value() == {"a": 1}


def test_a_value_without_end_is_refused(put, monkeypatch) -> None:
    monkeypatch.setattr(json_text, "LONGEST_VALUE", 10_000)
    monkeypatch.setattr(json_text, "_FIRST", 1000)
    monkeypatch.setattr(streams, "PIECE", 1000)
    with pytest.raises(DataError, match="longer than 10,000 characters"):
        read(put("a.json", '[{"a": 1}, {"a": "' + "x" * 1_000_000))


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ('{"query": "a", "positive": "b"},', "remove the comma at the end of each line"),
        ('{"query": "a", "positive": "b"};', "remove the semicolon at the end of each line"),
        ('{query: "a", positive: "b"}', "put the names of the fields in double quotes"),
        ('{"query": "a", "positive": "b",}', "remove the comma before the closing bracket"),
        ("{'query': 'a', 'positive': 'b'}", "how Python prints objects"),
        ('{"query": "a", "positive": None}', "how Python prints objects"),
        ('{"query": True}', "how Python prints objects"),
        ("{“query”: “a”}", "plain double quotes"),
        ('{"query": "a"} {"query": "b"}', "one object per line"),
        ("query,positive", "give tables the suffix .csv"),
    ],
)
def test_advice(put, line, advice) -> None:
    with pytest.raises(DataError) as caught:
        read(put("a.jsonl", f"{line}\n{line}\n"))
    assert advice in str(caught.value.next)
    assert "2 problems" in caught.value.message


def test_a_comma_before_the_end_of_an_array(put) -> None:
    with pytest.raises(DataError, match="a comma before the ']'") as caught:
        read(put("a.json", '[{"a": 1},\n{"a": 2},\n]'))
    assert str(caught.value.where).endswith(":3")


def test_many_columns_are_read_in_linear_time(put) -> None:
    """A name that appears twice is found without comparing all pairs of names."""
    text = json.dumps({f"c{i}": i for i in range(50_000)})[:-1] + ', "c49999": 1}'
    with pytest.raises(DataError, match="'c49999' appears twice"):
        read(put("a.jsonl", text))
