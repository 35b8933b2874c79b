"""FlagEmbedding's training rows: {query, pos: [], neg: [], pos_scores?: [], neg_scores?: []}."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from embedtune.data.formats import Mined, Part
from embedtune.data.formats.shared.cells import Cells, cells_of
from embedtune.data.formats.shared.lists import list_of
from embedtune.data.formats.shared.missing import is_missing, missing_words
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
        given = {role: _given(cells, role) for role in ("pos", "neg")}
        found = _scores(cells, given) if with_scores else None
        positives, negatives = _texts(cells, given["pos"], "pos"), _texts(cells, given["neg"], "neg")
        if given["pos"] == []:
            cells.leave_out("pos", "has no text; every query needs a positive")
        fitting = found is not None and (len(found[0]), len(found[1])) == (len(positives), len(negatives))
        scores = [[one, *found[1]] for one in found[0]] if found and fitting else [[]] * len(positives)
        for positive, row_scores in zip(positives, scores, strict=True):
            rows.append(cells.place, query, positive, negatives=negatives, scores=row_scores, group=group)
    return Part(rows.build(), "pairs from FlagEmbedding rows")


def _given(cells: Cells, role: str) -> list[Any] | None:
    """The list of this role, which a CSV has as text; None for a fault, which is noted."""
    value = list_of(cells.value(role)) if cells.flat else cells.value(role)
    if is_missing(value, flat=cells.flat):
        return []
    if isinstance(value, list):
        return value
    cells.fault(role, f"must be a list of texts, got {kind_of(value)}")
    return None


def _texts(cells: Cells, given: Sequence[Any] | None, role: str) -> list[str]:
    """The usable texts of a list; missing ones are noted, and where all positives are, the row is left out."""
    column = cells.columns.names.get(role, (role,))[0]
    if role == "pos" and given and all(is_missing(one, flat=cells.flat) for one in given):
        cells.problems.left_out.add(cells.place, missing_words(given[0], column))
        return []
    found = [cells.further(one, column) for one in given or ()]
    return [one for one in found if one is not None]


def _scores(cells: Cells, given: Mapping[str, Sequence[Any] | None]) -> tuple[list[float], list[float]] | None:
    """Scores of the positives and of the negatives, without those of texts that are missing."""
    found: list[list[float]] = []
    for role, texts in given.items():
        size, kept = len(texts or ()), [not is_missing(one, flat=cells.flat) for one in texts or ()]
        role_scores = f"{role}_scores"
        if role_scores == "pos_scores" and role_scores not in cells.columns:
            found.append([math.nan] * sum(kept))
            continue
        values = cells.value(role_scores)
        values = list_of(values) if cells.flat else values
        missing = is_missing(values, flat=cells.flat)
        numbers = numbers_of([] if missing else values, role_scores, cells.place, cells.problems, gaps=True)
        if numbers is None:
            return None
        if len(numbers) != size:
            cells.fault(role_scores, f"has {counted(len(numbers), 'score')} for {counted(size, 'text')}")
            return None
        found.append([number for number, there in zip(numbers, kept, strict=True) if there])
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
