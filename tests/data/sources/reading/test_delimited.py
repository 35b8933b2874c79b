"""Dialects of delimited files: every row is read, or named with its line; none is joined with another or lost."""

import csv
import io
from typing import Any

import pytest

from embedtune.data.formats.shared.find import read_part
from embedtune.data.sources.reading import line_buffer
from embedtune.data.sources.reading.dialect import is_enclosed, separator_of
from embedtune.data.sources.tables import open_table
from embedtune.errors import DataError

ODD = [["query", "positive"], ["how, or when?", 'they said "now"'], ["two\nlines", "a\ttab"], ["plain", "x; y | z"]]


def written(rows: list[list[str]], **options: Any) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n", **options).writerows(rows)
    return stream.getvalue()


def read(path) -> tuple[list[tuple[int, list[str]]], list[str]]:
    table = open_table(path)
    rows = [(number, list(record.values())) for number, record in table.records]
    table.problems.raise_if_any()
    return rows, table.notes


@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
@pytest.mark.parametrize("sign", [",", "\t", ";", "|"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_what_a_writer_of_csv_quotes_comes_back(put, name, sign, quoting, mark) -> None:
    rows, notes = read(put(name, mark + written(ODD, delimiter=sign, quoting=quoting)))
    assert [values for _, values in rows] == ODD[1:]
    assert [number for number, _ in rows] == [2, 3, 5]
    usual = "," if name == "a.csv" else "\t"
    assert any("separated by" in note for note in notes) == (sign != usual)


@pytest.mark.parametrize(
    "texts",
    [
        ['"It begins with a quotation', 'and another "ends"', "plain"],  # within and around
        ['"opened here', 'closed there"', "plain"],  # two halves that fit together
        ['"king"', '"queen"', "ace"],  # whole texts in quotation marks
        ['5" disk', '"a" and "b"', '""'],
        ['"', "b", "c"],
        ['"one, two" three', "b", 'c"'],
    ],
)
@pytest.mark.parametrize("sign", ["\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_quotation_marks_in_plain_files_are_text(put, texts, sign, end) -> None:
    content = end.join(["query" + sign + "positive", *(f"q{i}{sign}{text}" for i, text in enumerate(texts))]) + end
    rows, notes = read(put("a.tsv", content))
    assert rows == [(i + 2, [f"q{i}", text]) for i, text in enumerate(texts)]
    assert "quotation marks are part of the texts" in notes[-1]


def test_quotation_marks_far_down_decide_as_those_at_the_top(put) -> None:
    head = "query\tpositive\n" + "".join(f"q{i}\tp{i}\n" for i in range(3000))
    rows, _ = read(put("quoted.tsv", head + 'x\t"two\nlines, ""both"""\ny\tz\n'))
    assert rows[-2:] == [(3002, ["x", 'two\nlines, "both"']), (3004, ["y", "z"])]
    rows, _ = read(put("plain.tsv", head + 'x\t"two\ny\tlines"\n'))
    assert rows[-2:] == [(3002, ["x", '"two']), (3003, ["y", 'lines"'])]


def test_excel_quotes_texts_with_commas_in_tab_separated_files(put) -> None:
    rows, _ = read(put("a.tsv", 'query\tpositive\r\n"a, b"\tc\r\nd\t"e, f"\r\n'))
    assert [values for _, values in rows] == [["a, b", "c"], ["d", "e, f"]]


@pytest.mark.parametrize("line", ["sep=;", "SEP=;", '"sep=;"', "sep=;;;"])
def test_the_separator_that_excel_declares(put, line) -> None:
    rows, _ = read(put("a.csv", f"{line}\r\nquery;positive\r\na,b;c,d\r\n"))
    assert rows == [(3, ["a,b", "c,d"])]


def test_commas_in_texts_do_not_make_a_file_comma_separated(put) -> None:
    rows, _ = read(put("a.csv", "id;query, as asked;answer\n1;a, b, c;d\n2;e;f, g\n"))
    assert rows == [(2, ["1", "a, b, c", "d"]), (3, ["2", "e", "f, g"])]
    rows, _ = read(put("one.csv", "text\nfirst; second\nthird | fourth\n"))
    assert rows == [(2, ["first; second"]), (3, ["third | fourth"])]
    assert separator_of(["a,b\n", "c;d,e\n", "f;g,h\n"], ",") == ","


def test_columns_without_a_name(put) -> None:
    path = put("trailing.csv", "query,positive,,\na,b,,\nc,d,,\n")
    assert [record for _, record in open_table(path).records] == [
        {"query": "a", "positive": "b"},
        {"query": "c", "positive": "d"},
    ]
    index = open_table(put("index.csv", ",query,positive\n0,a,b\n"))
    assert list(index.records) == [(2, {"column 1": "0", "query": "a", "positive": "b"})]
    rows, _ = read(put("cells.csv", "query,positive\na,b,,\nc,d\n"))
    assert rows == [(2, ["a", "b"]), (3, ["c", "d"])]
    with pytest.raises(DataError, match="names no column"):
        read(put("blank.csv", ",,\na,b,c\n"))


def test_carriage_returns_alone_end_lines_too(put) -> None:
    assert read(put("a.csv", "query,positive\ra,b\rc,d\r"))[0] == [(2, ["a", "b"]), (3, ["c", "d"])]


def test_a_stray_quotation_mark_costs_its_own_row_only(put) -> None:
    table = open_table(put("a.csv", 'query,positive\na,b\n"c,d\n' + "".join(f"e{i},f\n" for i in range(50))))
    assert [record["query"] for _, record in table.records] == ["a", *(f"e{i}" for i in range(50))]
    assert table.problems.kept == [(f"{table.name}:3", "the double quote that opens here is never closed")]
    table = open_table(put("b.csv", 'query,positive\n"c,d\ne,f\ng,"h\ni,j\n'))
    assert [number for number, _ in table.records] == [3, 5]
    assert [place for place, _ in table.problems.kept] == [f"{table.name}:2", f"{table.name}:4"]


def test_lines_that_may_have_been_joined_by_mistake_are_told(put) -> None:
    rows, notes = read(put("a.csv", 'query,positive\na,"b\nc,d"\ne,"f\ng"\nh,"i, j\nk"\n'))
    assert [values for _, values in rows] == [["a", "b\nc,d"], ["e", "f\ng"], ["h", "i, j\nk"]]
    assert len(notes) == 1 and notes[0].startswith("a.csv:2: lines that would each be a row are one text")


def test_a_row_without_end_is_not_taken_into_memory(put, monkeypatch) -> None:
    monkeypatch.setattr(line_buffer, "LONGEST_ROW", 1000)
    table = open_table(put("a.csv", 'a,b\n"' + "x,y\n" * 2000))
    assert len(list(table.records)) == 1999
    assert table.problems.count == 1 and table.problems.kept[0][0].endswith("a.csv:2")


def test_a_message_does_not_repeat_thousands_of_columns(put) -> None:
    header = ",".join(f"column{i}" for i in range(5000))
    table = open_table(put("a.csv", f"{header}\n1,2\n"))
    assert list(table.records) == []
    assert len(table.problems.kept[0][1]) < 400


def test_what_was_understood_is_said_with_the_rows(put) -> None:
    part = read_part(open_table(put("a.csv", "query;positive\na;b\n")), {})
    assert part.content.positives == ["b"]
    assert "a.csv: the columns are separated by semicolons, as the file itself shows" in part.said


def test_enclosed_fields() -> None:
    assert [is_enclosed(one) for one in ('"a ""b"" c"', '""', '"a"b"', "a")] == [True, True, False, False]
