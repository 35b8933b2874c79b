import csv
import io
import json
from itertools import islice

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from embedtune.data.sources.tables import open_table
from embedtune.errors import DataError

RECORDS = [{"anchor": "한글 질문?", "positive": 'with "quotes", commas\nand lines'}, {"anchor": "b", "positive": "c"}]


def read(path) -> list[tuple[int, dict]]:
    table = open_table(path)
    records = list(table.records)
    table.problems.raise_if_any()
    return records


def test_json_lines_keep_their_line_numbers_over_blank_lines(put) -> None:
    path = put("a.jsonl", "\n" + json.dumps(RECORDS[0]) + "\n\n" + json.dumps(RECORDS[1]))
    assert read(path) == [(2, RECORDS[0]), (4, RECORDS[1])]


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_an_array_is_read_whatever_the_suffix_says(put, name) -> None:
    text = json.dumps(RECORDS, indent=2, ensure_ascii=False)
    starts = [number for number, line in enumerate(text.splitlines(), 1) if line == "  {"]
    assert read(put(name, text)) == list(zip(starts, RECORDS, strict=True))


def test_json_lines_in_a_json_file_are_read(put) -> None:
    assert [record for _, record in read(put("a.json", "".join(json.dumps(r) + "\n" for r in RECORDS)))] == RECORDS


@given(
    st.lists(
        st.dictionaries(st.text(max_size=5), st.text() | st.none() | st.integers() | st.lists(st.text()), max_size=3),
        min_size=1,
        max_size=6,
    ),
    st.sampled_from([None, 0, 2]),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=60)
def test_arrays_and_lines_give_the_same_records(put, records, indent) -> None:
    array = read(put("array.json", json.dumps(records, indent=indent)))
    lines = read(put("lines.jsonl", "".join(json.dumps(record) + "\n" for record in records)))
    assert [record for _, record in array] == [record for _, record in lines] == records


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('[{"a": "b"},\n {"a" "b"}]', 2, "column 7"),
        ('[\n{"a": "b"}\n {"a": "b"}]', 2, "',' or ']'"),
        ('[{"a": "b"}]\n[{"a": "b"}]', 2, "more than one JSON array"),
        ('[{"a": "b"},\n"text"]', 2, "named fields"),
        ('[{"a": "b"},', 1, "invalid JSON"),
        ('["a", "b"]\n["c", "d"]', 1, "order never decides"),
        ('{\n  "data": [1],\n', 1, "one object per line"),
    ],
)
def test_broken_arrays_name_the_line(put, text, line, words) -> None:
    with pytest.raises(DataError) as caught:
        read(put("a.json", text))
    assert words in f"{caught.value.message} {caught.value.next}"
    assert str(caught.value.where).endswith(f"a.json:{line}")


def test_csv_with_quotes_line_breaks_and_crlf(put) -> None:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, ["anchor", "positive"])  # writes \r\n
    writer.writeheader()
    writer.writerows([*RECORDS, {"anchor": "d", "positive": "e"}])
    assert read(put("a.csv", buffer.getvalue())) == [
        (2, RECORDS[0]),
        (4, RECORDS[1]),
        (5, {"anchor": "d", "positive": "e"}),
    ]


def test_csv_with_a_byte_order_mark_and_blanks_in_the_header(put) -> None:
    assert read(put("a.csv", b"\xef\xbb\xbfanchor , positive\na,b\n")) == [(2, {"anchor": "a", "positive": "b"})]


def test_csv_fields_longer_than_the_standard_library_allows_by_default(put) -> None:
    limit = csv.field_size_limit()
    long = "가나다라 " * 50_000
    assert read(put("a.csv", f"anchor,positive\n{long},b\n"))[0][1]["anchor"] == long
    assert csv.field_size_limit() == limit


def test_tsv(put) -> None:
    assert read(put("a.tsv", "anchor\tpositive\na, b\tc\n")) == [(2, {"anchor": "a, b", "positive": "c"})]


def test_csv_faults_are_all_told_with_the_line_they_begin_in(put) -> None:
    with pytest.raises(DataError) as caught:
        read(put("a.csv", 'anchor,positive\n"two\nlines",b\na,b,c\nd\n"x"y,z\ne,f\n'))
    message = caught.value.message
    assert "3 problems" in message
    assert "a.csv:4: got 3 fields instead of 2 (anchor, positive)" in message
    assert "a.csv:5: got 1 field" in message
    assert "a.csv:6: ',' expected after" in message


def test_a_quote_that_never_closes_is_told_where_it_opens(put) -> None:
    with pytest.raises(DataError) as caught:
        read(put("a.csv", 'anchor,positive\na,b\n"open,c\nd,e\n'))
    assert str(caught.value.where).endswith("a.csv:3")
    assert "is never closed" in caught.value.message


def test_parquet(put, tmp_path) -> None:
    path = tmp_path / "a.parquet"
    rows = [{"anchor": f"질문 {i}", "negatives": ["x", "y"]} for i in range(5000)]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    assert read(path) == list(enumerate(rows, 1))
    with pytest.raises(DataError, match="Parquet"):
        read(put("b.parquet", b"PAR1 and then nothing"))


def test_plain_text_gives_one_text_a_line(put) -> None:
    assert read(put("a.txt", "하나\r\n\n two \n")) == [(1, {"text": "하나"}), (3, {"text": "two"})]


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv"])
def test_readers_stream(put, name) -> None:
    """The first record is there before the last line, a broken one, has been looked at."""
    good = '{"a": "b"}\n' * 20_000 if name == "a.jsonl" else "a\n" + "b\n" * 20_000
    table = open_table(put(name, good.encode() + b"\xff"))
    assert len(list(islice(table.records, 3))) == 3
    assert table.problems.count == 0


def test_an_unknown_suffix_lists_the_known_ones(put) -> None:
    with pytest.raises(DataError) as caught:
        open_table(put("a.docx", b"PK"))
    assert ".parquet" in str(caught.value.next)
