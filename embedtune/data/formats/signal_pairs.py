"""Signals with a description each (signal, text): a recording and what somebody wrote about it."""

from embedtune.data.formats import Part
from embedtune.data.formats.shared.cells import cells_of
from embedtune.data.rows import Rows
from embedtune.data.signals.arrow import COLUMNS
from embedtune.data.sources.columns import Columns
from embedtune.data.sources.tables import RecordTable
from embedtune.signals import is_signal

UNIT = "pairs of signal and text"
ROLES = {"signal": COLUMNS, "text": ("text", "description", "positive"), "label": ("label", "class")}
REQUIRED = ("signal", "text")


def read(table: RecordTable, columns: Columns) -> Part:
    """Pairs in order; the signal is the anchor."""
    found: list[tuple[str, str, str, str, str]] = []
    labelled = "label" in columns
    for cells in cells_of(table, columns):
        name, text, label, group = cells.text("signal"), cells.text("text"), cells.label("label"), cells.group
        if name is not None and not is_signal(name):
            cells.fault("signal", "must be a list of numbers, or name a .wav or .npy file or a row of a .parquet file")
        elif None not in (name, text) and (label or not labelled) and (group is not None or columns.group is None):
            found.append((str(name), str(text), label or "", group or "", cells.place))
    names, texts, labels, groups, places = (list(column) for column in zip(*found, strict=True)) if found else ([],) * 5
    rows = Rows(
        anchors=names,
        positives=texts,
        labels=labels if labelled else None,
        groups=groups if columns.group else None,
        places=places,
    )
    return Part(rows, UNIT)
