"""Tevatron's training rows: {query, positive_passages: [{docid, title, text}], negative_passages: [...]}."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from embedtune.data.formats import Mined, Part
from embedtune.data.formats.shared.cells import Cells, cells_of
from embedtune.data.formats.shared.rowlist import RowList
from embedtune.data.rows import titled
from embedtune.data.sources.columns import Columns
from embedtune.data.sources.tables import RecordTable
from embedtune.data.splits.judged_rows import key_of
from embedtune.identity import text_id

UNIT = "Tevatron rows"
ROLES = {
    "query": ("query",),
    "positive_passages": ("positive_passages",),
    "negative_passages": ("negative_passages",),
}
REQUIRED = ("query", "positive_passages")
NEEDS = 1


def read(table: RecordTable, columns: Columns) -> Part:
    """One row per positive passage, each with all negative passages of its query."""
    rows = RowList(columns)
    for cells in cells_of(table, columns):
        query, group = cells.text("query"), cells.group
        positives, negatives = _passages(cells, "positive_passages"), _passages(cells, "negative_passages")
        if not positives:
            cells.leave_out("positive_passages", "has no passage with a text; every query needs one")
        for positive in positives:
            rows.append(cells.place, query, positive, negatives=negatives, group=group)
    return Part(rows.build(), "pairs from Tevatron rows")


def _passages(cells: Cells, role: str) -> list[str]:
    values = cells.value(role)
    if values is None:
        return []
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        cells.fault(role, "must be a list of passages {docid, title, text}")
        return []
    texts = []
    for passage in values:
        text = cells.further(passage.get("text"), f"{cells.columns.one(role)}.text")
        if text is not None:
            texts.append(titled(passage.get("title"), text))
    return texts


def fields(negatives: int) -> Mapping[str, str]:
    """Field name -> kind."""
    return {
        "query_id": "text",
        "query": "text",
        "positive_passages": "passages",
        "negative_passages": "passages",
    }


def records(mined: Mined) -> Iterator[dict[str, Any]]:
    """One record with all positives. The format has no place for scores."""
    yield {
        "query_id": key_of(text_id(mined.anchor)),
        "query": mined.anchor,
        "positive_passages": _written(mined.positives),
        "negative_passages": _written(mined.negatives),
    }


def _written(texts: Sequence[str]) -> list[dict[str, str]]:
    # The id comes from the text, so that one passage has the same id on either side and in every file.
    return [{"docid": key_of(text_id(text)), "title": "", "text": text} for text in texts]
