"""Pairs, triplets and n-tuples: an anchor, its positive, and any number of negatives per row."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from embedtune.data.formats import Part
from embedtune.data.formats.shared.cells import FLAT, Cells, cells_of
from embedtune.data.formats.shared.lists import is_list, list_of
from embedtune.data.formats.shared.missing import is_missing
from embedtune.data.formats.shared.rowlist import RowList
from embedtune.data.formats.shared.values import number_of
from embedtune.data.sources.columns import Columns, match, numbers_of
from embedtune.data.sources.tables import RecordTable
from embedtune.findings import counted, kind_of

UNIT = "pairs"
ROLES = {
    "anchor": ("anchor", "query", "question", "sentence1", "question1", "text1"),
    "positive": ("positive", "answer", "document", "sentence2", "question2", "text2"),
    "negative": ("negative", "negatives", r"negative_\d+"),
    "label": ("label",),
    "positive_score": ("positive_score",),
    "negative_scores": ("negative_scores",),
    "scores": ("scores",),
    "query_prompt": ("query_prompt",),
    "document_prompt": ("document_prompt",),
}
REQUIRED = ("anchor", "positive")
MANY = ("negative",)


def read(table: RecordTable, columns: Columns) -> Part:
    """One row per record; an empty cell in a negative column of a CSV is not a negative.

    Scores of the negatives, as mining writes them, become the row's teacher scores: in `positive_score` and
    `negative_scores`, or all in `scores`, the positive's first.
    """
    rows = RowList(columns)
    lists = _Negatives(table, columns)
    classed, scored = "label" in columns, "scores" in columns or "negative_scores" in columns
    prompted = "query_prompt" in columns or "document_prompt" in columns
    for cells in cells_of(table, columns):
        negatives, kept = lists.of(cells)
        label = cells.label("label")
        rows.append(
            cells.place,
            cells.text("anchor"),
            None if classed and label is None else cells.text("positive"),
            negatives=negatives,
            scores=_scores(cells, kept) if scored else None,
            label=label,
            group=cells.group,
            teacher=_teacher(cells) if scored else None,
            prompts=_prompts(cells) if prompted else None,
        )
    built = rows.build()
    most = max(map(len, built.negatives), default=0)
    return Part(built, {0: "pairs", 1: "triplets"}.get(most, f"pairs with up to {most} negatives"))


def _teacher(cells: Cells) -> str | None:
    """Who gave the scores of a mined row, "" for the miner itself; None where the row does not say."""
    said = cells.record.get("provenance")
    try:
        known = dict(said or ())
    except (TypeError, ValueError):  # a column of that name that mining did not write
        return None
    return str(known.get("teacher", "")) if "miner" in known else None


def _prompts(cells: Cells) -> tuple[str | None, str | None]:
    """What the row puts before its anchor and before its other texts; None for what the encoder declares."""
    found: list[str | None] = []
    for role in ("query_prompt", "document_prompt"):
        value = cells.value(role)
        if value is not None and not isinstance(value, str):
            cells.fault(role, f"must be text, got {kind_of(value)}")
        found.append(value if isinstance(value, str) and (value or not cells.flat) else None)
    return found[0], found[1]


def _scores(cells: Cells, kept: Sequence[bool]) -> list[float] | None:
    """Scores of [positive, kept negatives...]; NaN for a positive without one.

    Args:
        cells: the record.
        kept: for each value given as a negative, whether it is one.
    """
    role = "negative_scores" if cells.value("negative_scores") is not None else "scores"
    own = list_of(cells.value(role)) if cells.flat else cells.value(role)
    if own is None or own == "":
        return None
    found = numbers_of(own, cells.columns.one(role), cells.place, cells.problems, gaps=True)
    if found is None:
        return None
    expected = len(kept) + (role == "scores")
    if len(found) != expected:
        texts = counted(expected, "negative" if role == "negative_scores" else "text")
        cells.fault(role, f"has {counted(len(found), 'score')} for {texts}")
        return None
    if role == "scores":
        return [score for score, there in zip(found, (True, *kept), strict=True) if there]
    first = cells.value("positive_score")
    if first is None or first == "":
        positive: list[float] | None = [math.nan]
    else:
        first = number_of(first) if cells.flat else first
        positive = numbers_of([first], cells.columns.one("positive_score"), cells.place, cells.problems)
    return None if positive is None else [*positive, *(s for s, there in zip(found, kept, strict=True) if there)]


class _Negatives:
    """Reads the negatives of a record: one column, several, or a list."""

    def __init__(self, table: RecordTable, columns: Columns) -> None:
        self.problems = table.problems
        self.flat = table.kind in FLAT
        self.chosen = columns.chosen
        self.columns: dict[tuple[str, ...], tuple[str, ...]] = {}
        self.kinds: dict[str, tuple[type, str]] = {}

    def of(self, cells: Cells) -> tuple[list[str], list[bool]]:
        """The texts, and for each value of a list or a filled column whether it is one of them; faults are noted."""
        texts, kept = list[str](), list[bool]()
        for column in self._columns_in(cells.record):
            value = cells.record.get(column)
            value = list_of(value) if cells.flat else value
            if not isinstance(value, list) and is_missing(value, flat=cells.flat):
                cells.further(value, column)
                continue
            if not self._is_as_before(value, column, cells.place):
                continue
            for text in value if isinstance(value, list) else [value]:
                good = cells.further(text, column)
                kept.append(good is not None)
                if good is not None:
                    texts.append(good)
        return texts, kept

    def _is_as_before(self, value: Any, column: str, place: str) -> bool:
        """Whether it is a text or a list; that it is not, or not what the column had before, is noted."""
        if self.flat and isinstance(value, str) and is_list(value):
            what = "contains a list that is not JSON; in CSV and TSV use columns negative_1, negative_2 ..."
            self.problems.add(place, f"{column!r} {what}")
            return False
        if not isinstance(value, str | list):
            self.problems.add(place, f"{column!r} must be text or a list of texts, got {kind_of(value)}")
            return False
        kind, first = self.kinds.setdefault(column, (type(value), place))
        if kind is not type(value):
            words: dict[type, str] = {list: "a list", str: "a text"}
            self.problems.add(place, f"{column!r} is {words[type(value)]} here and {words[kind]} at {first}")
        return True

    def _columns_in(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        # Per row: a JSON line may have more negatives than the first lines, which decided the columns.
        names = tuple(record)
        if names not in self.columns:
            found = match({"negative": ROLES["negative"]}, names, self.chosen)
            self.columns[names] = found.get("negative", ())
        return self.columns[names]
