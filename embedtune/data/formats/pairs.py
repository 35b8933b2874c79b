"""Pairs, triplets and n-tuples: an anchor, its positive, and any number of negatives per row."""

import math
from collections.abc import Mapping
from typing import Any

from embedtune.data.formats import Part
from embedtune.data.formats.shared.cells import Cells, cells_of
from embedtune.data.formats.shared.rowlist import RowList
from embedtune.data.sources.columns import Columns, match, numbers_of, text_of
from embedtune.data.sources.tables import RecordTable
from embedtune.findings import counted, kind_of

UNIT = "pairs"
ROLES = {
    "anchor": ("anchor", "query", "question", "sentence1"),
    "positive": ("positive", "answer", "document", "sentence2"),
    "negative": ("negative", "negatives", r"negative_\d+"),
    "label": ("label",),
    "positive_score": ("positive_score",),
    "negative_scores": ("negative_scores",),
}
REQUIRED = ("anchor", "positive")
MANY = ("negative",)


def read(table: RecordTable, columns: Columns) -> Part:
    """One row per record; an empty cell in a negative column of a CSV is not a negative.

    Scores of the negatives, as mining writes them, become the row's teacher scores.
    """
    rows = RowList(columns)
    lists = _Negatives(table, columns)
    scored = "negative_scores" in columns
    for cells in cells_of(table, columns):
        negatives = lists.of(cells)
        rows.append(
            cells.place,
            cells.text("anchor"),
            cells.text("positive"),
            negatives=negatives,
            scores=_scores(cells, len(negatives)) if scored else None,
            label=cells.label("label"),
            group=cells.group,
        )
    built = rows.build()
    most = max(map(len, built.negatives), default=0)
    return Part(built, {0: "pairs", 1: "triplets"}.get(most, f"pairs with up to {most} negatives"))


def _scores(cells: Cells, negatives: int) -> list[float] | None:
    """Scores of [positive, negatives...]; NaN for a positive without one."""
    own, first = cells.value("negative_scores"), cells.value("positive_score")
    if own is None:
        return None
    found = numbers_of(own, cells.columns.one("negative_scores"), cells.place, cells.problems)
    if found is not None and len(found) != negatives:
        cells.fault("negative_scores", f"has {counted(len(found), 'score')} for {counted(negatives, 'negative')}")
    positive: list[float] | None = [math.nan]
    if first is not None:
        positive = numbers_of([first], cells.columns.one("positive_score"), cells.place, cells.problems)
    return None if found is None or positive is None else [*positive, *found]


class _Negatives:
    """Reads the negatives of a record: one column, several, or a list."""

    def __init__(self, table: RecordTable, columns: Columns) -> None:
        self.problems = table.problems
        self.flat = table.kind in {"CSV", "TSV"}
        self.chosen = columns.chosen
        self.columns: dict[tuple[str, ...], tuple[str, ...]] = {}
        self.kinds: dict[str, tuple[type, str]] = {}

    def of(self, cells: Cells) -> list[str]:
        """The texts; faults are noted."""
        record, place, texts = cells.record, cells.place, list[str]()
        for column in self._columns_in(record):
            value = record.get(column)
            if value is None or (self.flat and not value.strip()):
                continue
            if self.flat and value.lstrip().startswith("[") and value.rstrip().endswith("]"):
                self.problems.add(
                    place, f"{column!r} contains a list; in CSV and TSV use columns negative_1, negative_2 ..."
                )
                continue
            if not isinstance(value, str | list):
                self.problems.add(place, f"{column!r} must be text or a list of texts, got {kind_of(value)}")
                continue
            kind, first = self.kinds.setdefault(column, (type(value), place))
            if kind is not type(value):
                words: dict[type, str] = {list: "a list", str: "a text"}
                self.problems.add(place, f"{column!r} is {words[type(value)]} here and {words[kind]} at {first}")
            for text in value if isinstance(value, list) else [value]:
                good = text_of(text, column, place, self.problems)
                if good is not None:
                    texts.append(good)
        return texts

    def _columns_in(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        # Per row: a JSON line may have more negatives than the first lines, which decided the columns.
        names = tuple(record)
        if names not in self.columns:
            found = match({"negative": ROLES["negative"]}, names, self.chosen)
            self.columns[names] = found.get("negative", ())
        return self.columns[names]
