"""Sentence pairs with a similarity score (STS): the most similar ones become positive pairs.

Contrastive losses need pairs that belong together. A pair with a medium score is neither a positive nor a
negative, so it is left out.
"""

import math

from embedtune.config.graded import ALIKE
from embedtune.data.formats import Part
from embedtune.data.formats.shared.cells import cells_of, number_in
from embedtune.data.formats.shared.rowlist import RowList
from embedtune.data.rows import Rows, ScoredPairs
from embedtune.data.sources.columns import Columns, match
from embedtune.data.sources.tables import RecordTable
from embedtune.findings import kind_of

UNIT = "scored pairs"
ROLES = {"sentence1": ("sentence1",), "sentence2": ("sentence2",), "score": ("score", "similarity", "label")}
REQUIRED = ("sentence1", "sentence2", "score")


def is_sentence(column: str) -> bool:
    """Whether a column of first texts is called a sentence, as in sets that are judged by similarity."""
    return bool(match({"sentence1": ROLES["sentence1"]}, [column], {}))


def read(table: RecordTable, columns: Columns) -> Part:
    """The pairs with at least `ALIKE` of the highest score."""
    rows = RowList(columns)
    scores: list[float] = []
    for cells in cells_of(table, columns):
        first, second, value = cells.text("sentence1"), cells.text("sentence2"), cells.judgment("score")
        score = number_in(value)
        if value is not None and not math.isfinite(score):
            cells.fault("score", f"must be a number, got {kind_of(cells.value('score'))}")
        group = cells.group
        if first is not None and second is not None and math.isfinite(score):
            rows.append(cells.place, first, second, group=group)
            scores.append(score)
    return _alike(rows.build(), scores, table)


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
