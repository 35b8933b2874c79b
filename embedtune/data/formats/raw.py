"""Texts alone: a plain text file, or rows of {text}, with or without a title."""

from embedtune.data.formats import Part
from embedtune.data.formats.shared.cells import FLAT
from embedtune.data.formats.shared.missing import is_missing, missing_words
from embedtune.data.rows import RawTexts
from embedtune.data.sources.columns import Columns, field_of
from embedtune.data.sources.tables import RecordTable

UNIT = "texts"
ROLES = {"text": ("text",), "title": ("title",)}
REQUIRED = ("text",)


def read(table: RecordTable, columns: Columns) -> Part:
    """The texts in order.

    Lines of a plain file belong to one document until a blank line; a row of any other table is a document of its own.
    """
    texts: list[str] = []
    places: list[str] = []
    titles: list[str] = []
    documents: list[int] = []
    plain, before, document = table.kind == "plain text", 0, -1
    for number, record in table.records:
        document += not plain or number != before + 1 or document < 0
        before = number
        title = record.get(columns.one("title")) if "title" in columns else None
        if not str(record.get(columns.one("text")) or "").strip() and isinstance(title, str) and title.strip():
            continue  # a title without a text, as some public corpora have
        value = record.get(columns.one("text"))
        if is_missing(value, flat=table.kind in FLAT):
            table.problems.left_out.add(table.place(number), missing_words(value, columns.one("text")))
            continue
        text = field_of(record, columns.one("text"), table.place(number), table.problems)
        if text is not None:
            texts.append(text)
            places.append(table.place(number))
            titles.append(title.strip() if isinstance(title, str) else "")
            documents.append(document)
    return Part(RawTexts(texts, places, titles if any(titles) else (), documents), "texts without pairs")
