"""Preferences: for an anchor, one text was chosen over another; with a weight where that happened several times."""

import math

from embedtune.data.formats import Part
from embedtune.data.formats.shared.cells import Cells, cells_of, number_in
from embedtune.data.formats.shared.rowlist import RowList
from embedtune.data.sources.columns import Columns
from embedtune.data.sources.tables import RecordTable
from embedtune.findings import kind_of

UNIT = "preferences"
ROLES = {
    "anchor": ("anchor", "query", "question", "prompt"),
    "chosen": ("chosen",),
    "rejected": ("rejected",),
    "weight": ("weight",),
}
REQUIRED = ("anchor", "chosen", "rejected")


def read(table: RecordTable, columns: Columns) -> Part:
    """Rows with the chosen text as positive and the rejected one, or several in a list, as negatives."""
    rows = RowList(columns)
    for cells in cells_of(table, columns):
        rejected = _rejected(cells)
        weight = _weight(cells)
        rows.append(
            cells.place,
            cells.text("anchor"),
            cells.text("chosen") if rejected and weight else None,
            negatives=rejected,
            group=cells.group,
            weight=weight or 1.0,
        )
    return Part(rows.build(), UNIT)


def _rejected(cells: Cells) -> list[str]:
    if cells.value("rejected") == []:
        cells.fault("rejected", "is an empty list; a preference needs a rejected text")
        return []
    return cells.texts("rejected")


def _weight(cells: Cells) -> float | None:
    """The weight, 1 by default; None for one that cannot be used."""
    value = cells.value("weight")
    weight = 1.0 if value is None or value == "" else number_in(value)
    if math.isfinite(weight) and weight > 0:
        return weight
    cells.fault("weight", f"must be a number above 0, got {kind_of(value)}")
    return None
