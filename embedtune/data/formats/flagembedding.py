"""FlagEmbedding's training rows: {query, pos: [], neg: [], pos_scores?: [], neg_scores?: []}."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from embedtune.data.formats import Mined, Part
from embedtune.data.formats.shared.rowlist import RowList
from embedtune.data.sources.columns import Columns, field_of, label_of, numbers_of, text_of
from embedtune.data.sources.problems import Problems
from embedtune.data.sources.tables import RecordTable
from embedtune.findings import counted, kind_of

UNIT = "FlagEmbedding rows"
ROLES = {
    "query": ("query",),
    "pos": ("pos",),
    "neg": ("neg",),
    "pos_scores": ("pos_scores",),
    "neg_scores": ("neg_scores",),
}
REQUIRED = ("query", "pos")
MANY = ()
NEEDS = 1


def read(table: RecordTable, columns: Columns) -> Part:
    """One row per positive, each with all negatives of its query."""
    rows = RowList(columns)
    with_scores = "pos_scores" in columns or "neg_scores" in columns
    for number, record in table.records:
        place = table.place(number)
        query = field_of(record, columns.one("query"), place, table.problems)
        group = label_of(record, columns.group, place, table.problems) if columns.group else None
        positives = _texts(record, columns.one("pos"), place, table.problems)
        negatives = _texts(record, columns.one("neg"), place, table.problems) if "neg" in columns else []
        if not positives:
            table.problems.add(place, f"{columns.one('pos')!r} has no text; every query needs a positive")
        if with_scores:
            found = _scores(record, columns, (len(positives), len(negatives)), place, table.problems)
            scores = [[one, *found[1]] for one in found[0]] if found else [[]] * len(positives)
        else:
            scores = [[]] * len(positives)
        for positive, row_scores in zip(positives, scores, strict=True):
            rows.append(place, query, positive, negatives=negatives, scores=row_scores, group=group)
    return Part(rows.build(), "pairs from FlagEmbedding rows")


def _texts(record: dict[str, Any], column: str, place: str, problems: Problems) -> list[str]:
    values = record.get(column)
    if values is None:
        return []
    if not isinstance(values, list):
        problems.add(place, f"{column!r} must be a list of texts, got {kind_of(values)}")
        return []
    texts = [text_of(value, column, place, problems) for value in values]
    return [text for text in texts if text is not None]


def _scores(
    record: dict[str, Any], columns: Columns, sizes: tuple[int, int], place: str, problems: Problems
) -> tuple[list[float], list[float]] | None:
    found: list[list[float]] = []
    for role, size in zip(("pos_scores", "neg_scores"), sizes, strict=True):
        if role == "pos_scores" and role not in columns:
            found.append([math.nan] * size)
            continue
        values = record.get(columns.one(role)) if role in columns else []
        numbers = numbers_of([] if values is None else values, role, place, problems)
        if numbers is None:
            return None
        if len(numbers) != size:
            problems.add(place, f"'{role}' has {counted(len(numbers), 'score')} for {counted(size, 'text')}")
            return None
        found.append(numbers)
    return found[0], found[1]


def fields(negatives: int) -> Mapping[str, str]:
    """Field name -> kind."""
    return {"query": "text", "pos": "texts", "neg": "texts", "pos_scores": "numbers", "neg_scores": "numbers"}


def records(mined: Mined) -> Iterator[dict[str, Any]]:
    """One record with all positives."""
    yield {
        "query": mined.anchor,
        "pos": list(mined.positives),
        "neg": list(mined.negatives),
        "pos_scores": list(mined.positive_scores),
        "neg_scores": list(mined.negative_scores),
    }
