"""Signals with a class each (signal, label): windows of a sensor, which descriptions of the classes are written for.

`--descriptions FILE` (rows of label and text) pairs each signal with the texts of its class; without it, signals of one
class are paired as labelled texts are.
"""

from embedtune.data.formats import Part
from embedtune.data.formats.shared.cells import cells_of
from embedtune.data.rows import LabelledTexts
from embedtune.data.signals.arrow import COLUMNS
from embedtune.data.sources.columns import Columns
from embedtune.data.sources.tables import RecordTable
from embedtune.findings import counted
from embedtune.signals import is_signal

UNIT = "labelled signals"
ROLES = {"signal": COLUMNS, "label": ("label", "class")}
REQUIRED = ("signal", "label")


def read(table: RecordTable, columns: Columns) -> Part:
    """Signals and classes in order."""
    names: list[str] = []
    labels: list[str] = []
    groups: list[str] = []
    places: list[str] = []
    for cells in cells_of(table, columns):
        name, label, group = cells.text("signal"), cells.label("label"), cells.group
        if name is not None and not is_signal(name):
            cells.fault("signal", "must be a list of numbers, or name a .wav or .npy file or a row of a .parquet file")
            continue
        if name is not None and label is not None and (group is not None or columns.group is None):
            names.append(name)
            labels.append(label)
            groups.append(group or "")
            places.append(cells.place)
    content = LabelledTexts(names, labels, groups if columns.group else None, places)
    return Part(content, f"signals in {counted(len(set(labels)), 'class')}")
