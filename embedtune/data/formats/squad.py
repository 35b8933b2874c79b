"""SQuAD's own nesting: {title, paragraphs: [{context, qas: [{question, answers}]}]}, one article per record."""

from collections.abc import Iterator, Mapping
from typing import Any

from embedtune.data.formats import Part
from embedtune.data.formats.shared.cells import Cells, cells_of
from embedtune.data.formats.shared.rowlist import RowList
from embedtune.data.sources.columns import Columns, field_of
from embedtune.data.sources.tables import RecordTable
from embedtune.findings import counted, kind_of

UNIT = "SQuAD articles"
ROLES = {"paragraphs": ("paragraphs",)}
REQUIRED = ("paragraphs",)


def read(table: RecordTable, columns: Columns) -> Part:
    """One row per question: its paragraph is the positive; questions marked impossible are left out."""
    rows, impossible = RowList(columns), 0
    for cells in cells_of(table, columns):
        for context, question in _asked(cells):
            if question.get("is_impossible") is True:
                impossible += 1
                continue
            passage = field_of(context, "context", cells.place, cells.problems)
            rows.append(
                cells.place, field_of(question, "question", cells.place, cells.problems), passage, group=cells.group
            )
    said = f"{table.name}: the positive of each question is its paragraph; the answers are not learned"
    left_out = f"{table.name}: {counted(impossible, 'question')} that no paragraph answers left out"
    return Part(rows.build(), "pairs from SQuAD articles", (said, left_out) if impossible else (said,))


def _asked(cells: Cells) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Each paragraph with each of its questions."""
    for paragraph in _objects(cells, cells.value("paragraphs"), "paragraphs"):
        for question in _objects(cells, paragraph.get("qas"), "qas"):
            yield paragraph, question


def _objects(cells: Cells, values: Any, name: str) -> list[Mapping[str, Any]]:
    if isinstance(values, list) and all(isinstance(value, dict) for value in values):
        return values
    cells.problems.add(cells.place, f"{name!r} must be a list of objects, got {kind_of(values)}")
    return []
