"""Two questions in one field, as Quora's duplicates are published: {questions: {text: [a, b]}, is_duplicate}."""

from collections.abc import Iterator
from dataclasses import replace

from embedtune.data.formats import Part, judged
from embedtune.data.formats.shared.values import value_in
from embedtune.data.sources.columns import Columns
from embedtune.data.sources.tables import Record, RecordTable
from embedtune.findings import kind_of

UNIT = "judged pairs of questions"
ROLES = {"questions": ("questions",), "is_duplicate": ("is_duplicate",)}
REQUIRED = ("questions", "is_duplicate")
WHOLE = True  # as `judged`


def read(table: RecordTable, columns: Columns) -> Part:
    """As judged pairs, the first question as the anchor."""
    names = {"anchor": ("anchor",), "positive": ("positive",), "judgment": (columns.one("is_duplicate"),)}
    return judged.read(replace(table, records=_apart(table, columns)), Columns(names, columns.group))


def _apart(table: RecordTable, columns: Columns) -> Iterator[Record]:
    """The records with a field for each question."""
    name = columns.one("questions")
    for number, record in table.records:
        texts = value_in(record, f"{name}.text")
        if isinstance(texts, list) and len(texts) == 2:
            yield number, {**record, "anchor": texts[0], "positive": texts[1]}
        else:
            what = f"{name!r} must hold two questions in 'text', got {kind_of(record.get(name))}"
            table.problems.add(table.place(number), what)
