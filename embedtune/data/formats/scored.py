"""Sentence pairs with a similarity score (STS): the most similar ones become positive pairs.

Contrastive losses need pairs that belong together. A pair in the middle of the scale is neither that nor a negative, so
it is left out.
"""

import math
from typing import Any

from embedtune.data.formats import Part
from embedtune.data.formats.shared.rowlist import RowList
from embedtune.data.rows import Rows, ScoredPairs
from embedtune.data.sources.columns import Columns, field_of, label_of
from embedtune.data.sources.problems import Problems
from embedtune.data.sources.tables import RecordTable
from embedtune.findings import kind_of

UNIT = "scored pairs"
ROLES = {"sentence1": ("sentence1",), "sentence2": ("sentence2",), "score": ("score", "similarity", "label")}
REQUIRED = ("sentence1", "sentence2", "score")
MANY = ()
ALIKE = 0.8  # share of the highest score in the table


def read(table: RecordTable, columns: Columns) -> Part:
    """The pairs with at least `ALIKE` of the highest score."""
    rows = RowList(columns)
    scores: list[float] = []
    for number, record in table.records:
        place = table.place(number)
        first = field_of(record, columns.one("sentence1"), place, table.problems)
        second = field_of(record, columns.one("sentence2"), place, table.problems)
        score = _score(record, columns.one("score"), place, table.problems)
        group = label_of(record, columns.group, place, table.problems) if columns.group else None
        if first is not None and second is not None and score is not None:
            rows.append(place, first, second, group=group)
            scores.append(score)
    return _alike(rows.build(), scores, table)


def _score(record: dict[str, Any], column: str, place: str, problems: Problems) -> float | None:
    value = record.get(column)
    try:
        # A bool is a number to Python, but nobody scores similarity with one.
        score = math.nan if isinstance(value, bool) or value is None else float(value)
    except (TypeError, ValueError):
        score = math.nan
    if math.isfinite(score):
        return score
    problems.add(place, f"{column!r} must be a number, got {kind_of(value)}")
    return None


def _alike(rows: Rows, scores: list[float], table: RecordTable) -> Part:
    top = max(scores, default=0.0)
    if scores and top <= 0:
        what = f"the highest score is {top:g}; scores must rise with similarity, from 0 up"
        table.problems.add(table.name, what, kind="scale")
    kept = [row for row, score in enumerate(scores) if score >= ALIKE * top]
    said = (
        f"{table.name}: of {len(scores):,} scored pairs, the {len(kept):,} with a score of {ALIKE * top:g} or more "
        f"(highest: {top:g}) become pairs; the others are left out",
    )
    every = ScoredPairs(rows.anchors, rows.positives, scores, rows.places)
    return Part(rows.take(kept), "pairs of similar sentences", said, scored=every)
