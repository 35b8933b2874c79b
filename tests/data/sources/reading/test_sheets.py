"""Excel workbooks as people save them, written by openpyxl and read back as the same texts."""

import datetime
import io
import sys
import zipfile

import pytest

from embedtune.config.sections.learned_data import DataSection
from embedtune.data.prepare import prepare
from embedtune.data.sources.problems import Problems
from embedtune.data.sources.tables import open_table
from embedtune.errors import DataError

ROWS = [("질문", "답변", "번호"), *((f"질문 {i}, 왜?", f"첫 줄 {i}\n둘째 줄", i) for i in range(6))]


@pytest.fixture
def book(put):
    """Writes a workbook of these sheets: title -> rows."""
    openpyxl = pytest.importorskip("openpyxl")

    def write(sheets, name="book.xlsx", hidden=()):
        made = openpyxl.Workbook()
        made.remove(made.active)
        for title, rows in sheets.items():
            sheet = made.create_sheet(title)
            for row in rows:
                sheet.append(row)
            sheet.sheet_state = "hidden" if title in hidden else "visible"
        content = io.BytesIO()
        made.save(content)
        return put(name, content.getvalue())

    return write


def records(path):
    table = open_table(path)
    return list(table.records), table.notes


@pytest.mark.parametrize("name", ["book.xlsx", "book.xlsm"])
def test_rows_are_those_of_the_sheet(book, name):
    found, notes = records(book({"Tabelle1": ROWS}, name))
    assert [row for _, row in found] == [{"질문": a, "답변": b, "번호": f"{n}"} for a, b, n in ROWS[1:]]
    assert [number for number, _ in found] == list(range(2, 8)) and notes == []


def test_it_is_learned_from(book):
    rows = [ROWS[0], *((f"질문 {i}, 왜?", f"답변 {i}", i) for i in range(40))]
    data = prepare(DataSection(source=str(book({"a": rows}))), 0)
    assert len(data.train) + len(data.dev.queries) + len(data.test.queries) == 40
    assert "질문 7, 왜?" in {*data.train.anchors, *data.dev.queries.values(), *data.test.queries.values()}


def test_blank_rows_empty_cells_and_dates(book):
    day, time = datetime.datetime(2026, 11, 30), datetime.datetime(2026, 11, 30, 9, 5)
    sheet = [(None,), ("query", "answer", "when", "share"), ("a", "b", day, 0.5), (None, None), ("c", None, time, 3.0)]
    found, _ = records(book({"a": sheet}))
    assert found == [
        (3, {"query": "a", "answer": "b", "when": "2026-11-30", "share": "0.5"}),
        (5, {"query": "c", "answer": "", "when": "2026-11-30 09:05:00", "share": "3"}),
    ]


def test_the_first_sheet_with_rows_is_read_and_the_others_are_named(book):
    path = book({"cover": [], "secret": ROWS, "faq": ROWS, "notes": [("x", "y")]}, hidden=("secret",))
    found, notes = records(path)
    assert len(found) == 6
    assert notes == ["book.xlsx: the sheet 'faq' is read, and not 'notes'"]


def test_a_cell_outside_the_table_is_a_fault_of_its_row(book):
    problems = Problems("a")
    list(open_table(book({"a": [("query", "answer"), ("a", "b", "c"), ("d", "e")]}), problems).records)
    assert problems.count == 1 and problems.kept[0][0].endswith("book.xlsx:2")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"PK\x03\x04\x14\0", "not an Excel workbook"),
        (b"\xd0\xcf\x11\xe0" + bytes(100), "password"),
        (b"query,answer\na,b\n", "not an Excel workbook"),
    ],
)
def test_what_is_no_workbook_is_refused(put, content, words):
    pytest.importorskip("openpyxl")
    with pytest.raises(DataError, match=words) as refused:
        records(put("book.xlsx", content))
    assert "book.xlsx" in refused.value.where


def test_a_damaged_workbook_and_one_without_a_sheet_are_refused(book, put):
    whole = book({"a": ROWS}).read_bytes()
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    for broken in ("xl/workbook.xml", "xl/worksheets/sheet1.xml", None):
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            for name, part in parts.items():
                if broken is None and name.startswith("xl/"):
                    continue
                archive.writestr(name, part[: len(part) // 2] if name == broken else part)
        with pytest.raises(DataError):
            records(put("broken.xlsx", content.getvalue()))
    with pytest.raises(DataError, match="no sheet"):
        records(book({"a": []}))


def test_a_small_file_that_expands_to_gigabytes_is_refused(put):
    pytest.importorskip("openpyxl")
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", bytes(80 * 2**20))
    with pytest.raises(DataError, match="expands"):
        records(put("bomb.xlsx", content.getvalue()))


def test_without_openpyxl_the_extra_is_named(put, monkeypatch):
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(DataError, match="needs openpyxl") as refused:
        records(put("book.xlsx", b"PK\x03\x04"))
    assert "embedtune[xlsx]" in refused.value.next
