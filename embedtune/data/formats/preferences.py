"""Preferences: for an anchor, one text was chosen over another; with a weight where that happened several times."""

import math
from typing import Any

from embedtune.data.formats import Part
from embedtune.data.formats.shared.rowlist import RowList
from embedtune.data.sources.columns import Columns, field_of, label_of, text_of
from embedtune.data.sources.problems import Problems
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
MANY = ()


def read(table: RecordTable, columns: Columns) -> Part:
    """Rows with the chosen text as positive and the rejected one, or several in a list, as negatives."""
    rows = RowList(columns)
    for number, record in table.records:
        place = table.place(number)
        rejected = _rejected(record, columns.one("rejected"), place, table.problems)
        weight = _weight(record, columns, place, table.problems)
        rows.append(
            place,
            field_of(record, columns.one("anchor"), place, table.problems),
            field_of(record, columns.one("chosen"), place, table.problems) if rejected and weight else None,
            negatives=rejected,
            group=label_of(record, columns.group, place, table.problems) if columns.group else None,
            weight=weight or 1.0,
        )
    return Part(rows.build(), UNIT)


def _rejected(record: dict[str, Any], column: str, place: str, problems: Problems) -> list[str]:
    value = record.get(column)
    if isinstance(value, list) and not value:
        problems.add(place, f"{column!r} is an empty list; a preference needs a rejected text")
        return []
    found = [text_of(one, column, place, problems) for one in (value if isinstance(value, list) else [value])]
    return [one for one in found if one is not None]


def _weight(record: dict[str, Any], columns: Columns, place: str, problems: Problems) -> float | None:
    """The weight, 1 by default; None for one that cannot be used."""
    value = record.get(columns.one("weight")) if "weight" in columns else None
    if value is None or value == "":
        return 1.0
    try:
        weight = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        weight = math.nan
    if math.isfinite(weight) and weight > 0:
        return weight
    problems.add(place, f"{columns.one('weight')!r} must be a number above 0, got {kind_of(value)}")
    return None
