"""Sets of texts that all mean the same: {set: [...]}, as paraphrases and duplicate questions are published.

The order within a set says nothing: neighbours make pairs, and the texts of one set are never each other's negatives.
"""

from itertools import pairwise

from embedtune.data.formats import Part
from embedtune.data.formats.shared.cells import cells_of
from embedtune.data.formats.shared.lists import list_of
from embedtune.data.formats.shared.rowlist import RowList
from embedtune.data.left_out import TEXTS
from embedtune.data.sources.columns import Columns
from embedtune.data.sources.tables import RecordTable
from embedtune.findings import kind_of

UNIT = "sets of texts"
ROLES = {"set": ("set",)}
REQUIRED = ("set",)


def read(table: RecordTable, columns: Columns) -> Part:
    """One row for each two neighbours of a set; sets of more than two are classes, so that none is a negative."""
    sizes: list[int] = []
    rows = RowList(Columns({"label": ("set",)}, columns.group))
    for cells in cells_of(table, columns):
        group, value = cells.group, list_of(cells.value("set"))
        if not isinstance(value, list):
            cells.fault("set", f"must be a list of texts that mean the same, got {kind_of(value)}")
            continue
        found = [cells.further(one, columns.one("set")) for one in value]
        texts = [one for one in found if one is not None]
        if len(texts) < 2:
            cells.problems.left_out.add(cells.place, f"{columns.one('set')!r} has fewer than two texts", TEXTS)
            continue
        sizes.append(len(texts))
        for first, second in pairwise(texts):
            rows.append(cells.place, first, second, label=cells.place, group=group)
    rows.with_labels = max(sizes, default=0) > 2
    return Part(rows.build(), "pairs from sets of texts")
