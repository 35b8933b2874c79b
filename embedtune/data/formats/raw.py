"""Texts and nothing else: a plain text file, or rows of {text}."""

from embedtune.data.columns import Columns, field_of
from embedtune.data.formats import Part
from embedtune.data.rows import RawTexts
from embedtune.data.tables import Table

UNIT = "texts"
ROLES = {"text": ("text",)}
REQUIRED = ("text",)
MANY = ()


def read(table: Table, columns: Columns) -> Part:
    """The texts in order."""
    texts: list[str] = []
    places: list[str] = []
    for number, record in table.records:
        text = field_of(record, columns.one("text"), table.place(number), table.problems)
        if text is not None:
            texts.append(text)
            places.append(table.place(number))
    return Part(RawTexts(texts, places), "texts without pairs")
