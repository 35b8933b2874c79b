"""FlagEmbedding's training rows: {query, pos: [], neg: [], pos_scores?: [], neg_scores?: []}."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from embedtune.data.formats import Mined, Part
from embedtune.data.formats.shared.cells import Cells, cells_of
from embedtune.data.formats.shared.rowlist import RowList
from embedtune.data.sources.columns import Columns, numbers_of
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
NEEDS = 1


def read(table: RecordTable, columns: Columns) -> Part:
    """One row per positive, each with all negatives of its query."""
    rows = RowList(columns)
    with_scores = "pos_scores" in columns or "neg_scores" in columns
    for cells in cells_of(table, columns):
        query, group = cells.text("query"), cells.group
        positives, negatives = _texts(cells, "pos"), _texts(cells, "neg")
        if not positives:
            cells.fault("pos", "has no text; every query needs a positive")
        found = _scores(cells, len(positives), len(negatives)) if with_scores else None
        scores = [[one, *found[1]] for one in found[0]] if found else [[]] * len(positives)
        for positive, row_scores in zip(positives, scores, strict=True):
            rows.append(cells.place, query, positive, negatives=negatives, scores=row_scores, group=group)
    return Part(rows.build(), "pairs from FlagEmbedding rows")


def _texts(cells: Cells, role: str) -> list[str]:
    values = cells.value(role)
    if values is None or isinstance(values, list):
        return cells.texts(role) if values else []
    cells.fault(role, f"must be a list of texts, got {kind_of(values)}")
    return []


def _scores(cells: Cells, positives: int, negatives: int) -> tuple[list[float], list[float]] | None:
    found: list[list[float]] = []
    for role, size in (("pos_scores", positives), ("neg_scores", negatives)):
        if role == "pos_scores" and role not in cells.columns:
            found.append([math.nan] * size)
            continue
        values = cells.value(role)
        numbers = numbers_of([] if values is None else values, role, cells.place, cells.problems)
        if numbers is None:
            return None
        if len(numbers) != size:
            cells.fault(role, f"has {counted(len(numbers), 'score')} for {counted(size, 'text')}")
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
