"""Texts with a class each (text, label); texts of one class are paired after splitting."""

from embedtune.data.formats import Part
from embedtune.data.formats.shared.cells import cells_of
from embedtune.data.rows import LabelledTexts
from embedtune.data.sources.columns import Columns
from embedtune.data.sources.tables import RecordTable
from embedtune.findings import counted

UNIT = "labelled texts"
ROLES = {"text": ("text",), "label": ("label",)}
REQUIRED = ("text", "label")


def read(table: RecordTable, columns: Columns) -> Part:
    """Texts and classes in order."""
    texts: list[str] = []
    labels: list[str] = []
    groups: list[str] = []
    places: list[str] = []
    for cells in cells_of(table, columns):
        text, label, group = cells.text("text"), cells.label("label"), cells.group
        if text is not None and label is not None and (group is not None or columns.group is None):
            texts.append(text)
            labels.append(label)
            groups.append(group or "")
            places.append(cells.place)
    content = LabelledTexts(texts, labels, groups if columns.group else None, places)
    return Part(content, f"texts in {counted(len(set(labels)), 'class')}")
