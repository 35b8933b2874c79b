"""Pairs that a column judges by yes or no: those judged yes become pairs, the others negatives of the same anchor.

So are duplicates of questions published (`is_duplicate`), and so does `mine --format labelled-pair` write.
"""

from collections.abc import Iterator
from typing import NamedTuple

from embedtune.data.formats import Part, pairs, scored
from embedtune.data.formats.shared.cells import cells_of
from embedtune.data.formats.shared.rowlist import RowList
from embedtune.data.formats.shared.values import truth_of
from embedtune.data.rows import ScoredPairs
from embedtune.data.sources.columns import Columns
from embedtune.data.sources.tables import RecordTable
from embedtune.findings import kind_of
from embedtune.identity import text_id

UNIT = "judged pairs"
ROLES = {"anchor": pairs.ROLES["anchor"], "positive": pairs.ROLES["positive"], "judgment": ("judgment",)}
REQUIRED = ("anchor", "positive", "judgment")
WHOLE = True  # the negatives of a row are rows of their own, anywhere in the file


class _Judged(NamedTuple):
    place: str
    anchor: str
    other: str
    alike: bool
    group: str | None


def read(table: RecordTable, columns: Columns) -> Part:
    """One row per pair judged yes; its negatives are all texts that are judged no for the same anchor."""
    judged = list(_judged(table, columns))
    against: dict[int, dict[str, None]] = {}
    for one in judged:
        if not one.alike:
            against.setdefault(text_id(one.anchor), {})[one.other] = None
    rows = RowList(Columns({}, columns.group))
    for one in judged:
        if one.alike:
            negatives = tuple(against.get(text_id(one.anchor), ()))
            rows.append(one.place, one.anchor, one.other, negatives=negatives, group=one.group)
    built = rows.build()
    if judged and not len(built):
        what = f"no row is judged yes by {columns.one('judgment')!r}, so there is no positive pair"
        table.problems.add(table.name, what)
    paired = {text_id(one.anchor) for one in judged if one.alike}
    no = len(judged) - len(built)
    alone = sum(not one.alike and text_id(one.anchor) not in paired for one in judged)
    said = (
        f"{table.name}: {columns.one('judgment')!r} judges the pairs: {len(built):,} of {len(judged):,} rows say yes "
        f"and become pairs, {no - alone:,} say no and become negatives of their anchor"
        + (f", {alone:,} say no of an anchor without a pair and are left out" if alone else ""),
    )
    return Part(built, UNIT, said, scored=_scores(judged) if _are_sentences(columns) else None)


def _are_sentences(columns: Columns) -> bool:
    """Whether the two texts are called sentences: such sets are judged by similarity."""
    return scored.is_sentence(columns.one("anchor")) or "sentence1" in columns.chosen


def _scores(judged: list[_Judged]) -> ScoredPairs:
    return ScoredPairs(
        [one.anchor for one in judged],
        [one.other for one in judged],
        [float(one.alike) for one in judged],
        [one.place for one in judged],
    )


def _judged(table: RecordTable, columns: Columns) -> Iterator[_Judged]:
    for cells in cells_of(table, columns):
        anchor, other, group = cells.text("anchor"), cells.text("positive"), cells.group
        value = cells.judgment("judgment")
        alike = truth_of(value)
        if value is not None and alike is None:
            cells.fault("judgment", f"must be yes or no (1 or 0, true or false) as in other rows, got {kind_of(value)}")
        elif anchor is not None and other is not None and alike is not None:
            yield _Judged(cells.place, anchor, other, alike, group)
