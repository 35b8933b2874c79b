"""NVIDIA NeMo's retriever rows: {query, pos_doc, neg_doc: []}; documents are texts or objects with a text."""

from embedtune.data.formats import Part
from embedtune.data.formats.shared.cells import cells_of
from embedtune.data.formats.shared.passages import passages_in, without_positive
from embedtune.data.formats.shared.rowlist import RowList
from embedtune.data.sources.columns import Columns
from embedtune.data.sources.tables import RecordTable

UNIT = "NeMo rows"
ROLES = {"query": ("query", "question"), "pos_doc": ("pos_doc",), "neg_doc": ("neg_doc",)}
REQUIRED = ("query", "pos_doc")


def read(table: RecordTable, columns: Columns) -> Part:
    """One row per positive document, each with all negative documents of its query."""
    rows, empty = RowList(columns), list[str]()
    for cells in cells_of(table, columns):
        query, group, faults = cells.text("query"), cells.group, table.problems.count
        positives, negatives = passages_in(cells, "pos_doc"), passages_in(cells, "neg_doc")
        if not positives and table.problems.count == faults:
            empty.append(cells.place)
        for positive in positives:
            rows.append(cells.place, query, positive, negatives=negatives, group=group)
    return Part(rows.build(), "pairs from NeMo rows", findings=without_positive(empty))
