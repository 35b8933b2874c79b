"""Texts with a class each (text, label); texts of one class are paired after splitting."""

from embedtune.data.formats import Part
from embedtune.data.rows import LabelledTexts
from embedtune.data.sources.columns import Columns, field_of, label_of
from embedtune.data.sources.tables import RecordTable
from embedtune.findings import counted

UNIT = "labelled texts"
ROLES = {"text": ("text",), "label": ("label",)}
REQUIRED = ("text", "label")
MANY = ()


def read(table: RecordTable, columns: Columns) -> Part:
    """Texts and classes in order."""
    texts: list[str] = []
    labels: list[str] = []
    groups: list[str] = []
    places: list[str] = []
    for number, record in table.records:
        place = table.place(number)
        text = field_of(record, columns.one("text"), place, table.problems)
        label = label_of(record, columns.one("label"), place, table.problems)
        group = label_of(record, columns.group, place, table.problems) if columns.group else ""
        if text is not None and label is not None and group is not None:
            texts.append(text)
            labels.append(label)
            groups.append(group)
            places.append(place)
    content = LabelledTexts(texts, labels, groups if columns.group else None, places)
    return Part(content, f"texts in {counted(len(set(labels)), 'class')}")
