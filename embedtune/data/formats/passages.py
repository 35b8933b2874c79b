"""Queries with the passage that answers each: {query, passage}, or {question, context} without the answers."""

from embedtune.data.formats import Part
from embedtune.data.formats.shared.cells import cells_of
from embedtune.data.formats.shared.rowlist import RowList
from embedtune.data.rows import titled
from embedtune.data.sources.columns import Columns
from embedtune.data.sources.tables import RecordTable

UNIT = "queries with passages"
ROLES = {
    "anchor": ("anchor", "query", "question"),
    "positive": ("passage", "context", "text", "contents", "content", "body"),
    "title": ("title",),
}
REQUIRED = ("anchor", "positive")


def read(table: RecordTable, columns: Columns) -> Part:
    """One row per record; a title goes before its passage."""
    rows = RowList(columns)
    for cells in cells_of(table, columns):
        passage = cells.text("positive")
        positive = None if passage is None else titled(cells.value("title"), passage)
        rows.append(cells.place, cells.text("anchor"), positive, group=cells.group)
    said = f"{table.name}: {columns.one('positive')!r} is the positive of {columns.one('anchor')!r}"
    return Part(rows.build(), "pairs of queries and passages", (said,))
