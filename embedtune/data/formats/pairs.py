"""Pairs, triplets and n-tuples: an anchor, its positive, and any number of negatives per row."""

import math
from typing import Any

from embedtune.data.formats import Part
from embedtune.data.formats.shared.rowlist import RowList
from embedtune.data.sources.columns import Columns, field_of, label_of, match, numbers_of, text_of
from embedtune.data.sources.problems import Problems
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
    anchor, positive = columns.one("anchor"), columns.one("positive")
    rows = RowList(columns)
    lists = _Negatives(table, columns)
    for number, record in table.records:
        place = table.place(number)
        negatives = lists.of(record, place)
        rows.append(
            place,
            field_of(record, anchor, place, table.problems),
            field_of(record, positive, place, table.problems),
            negatives=negatives,
            scores=_scores(record, columns, len(negatives), place, table.problems),
            label=label_of(record, columns.one("label"), place, table.problems) if "label" in columns else None,
            group=label_of(record, columns.group, place, table.problems) if columns.group else None,
        )
    built = rows.build()
    most = max(map(len, built.negatives), default=0)
    return Part(built, {0: "pairs", 1: "triplets"}.get(most, f"pairs with up to {most} negatives"))


def _scores(
    record: dict[str, Any], columns: Columns, negatives: int, place: str, problems: Problems
) -> list[float] | None:
    """Scores of [positive, negatives...]; NaN for a positive without one."""
    own = record.get(columns.one("negative_scores")) if "negative_scores" in columns else None
    if own is None:
        return None
    found = numbers_of(own, columns.one("negative_scores"), place, problems)
    if found is not None and len(found) != negatives:
        problems.add(
            place,
            f"{columns.one('negative_scores')!r} has {counted(len(found), 'score')} for "
            f"{counted(negatives, 'negative')}",
        )
    first = record.get(columns.one("positive_score")) if "positive_score" in columns else None
    positive = [math.nan] if first is None else numbers_of([first], columns.one("positive_score"), place, problems)
    return None if found is None or positive is None else [*positive, *found]


class _Negatives:
    """Reads the negatives of a record: one column, several, or a list."""

    def __init__(self, table: RecordTable, columns: Columns) -> None:
        self.problems = table.problems
        self.flat = table.kind in {"CSV", "TSV"}
        self.chosen = columns.chosen
        self.columns: dict[tuple[str, ...], tuple[str, ...]] = {}
        self.kinds: dict[str, tuple[type, str]] = {}

    def of(self, record: dict[str, Any], place: str) -> list[str]:
        texts: list[str] = []
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

    def _columns_in(self, record: dict[str, Any]) -> tuple[str, ...]:
        # Per row: a JSON line may have more negatives than the first lines, which decided the columns.
        names = tuple(record)
        if names not in self.columns:
            found = match({"negative": ROLES["negative"]}, names, self.chosen)
            self.columns[names] = found.get("negative", ())
        return self.columns[names]
