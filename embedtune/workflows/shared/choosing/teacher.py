"""Whether the data has the scores of a teacher, of how many rows, and what scale they have."""

from collections.abc import Sequence

import numpy as np

from embedtune.data.rows import Rows
from embedtune.findings import Finding, counted

MOST_ROWS = 0.5
"""Share of the rows that a teacher must have scored, positive and a negative: fewer are not worth the trials."""
SHARP, LOGITS = 0.05, 1.0
"""Temperature of a teacher whose scores lie within [-1, 1], and of one that gives logits; see `distill`."""
WEIGHT = 0.5
"""Of a loss that learns from scores, next to one that learns from pairs, where no trial chooses it."""


def taught_rows(rows: Rows) -> int:
    """The rows of which a teacher has scored the positive and a negative; the miner itself is none."""
    if rows.teacher_scores is None or not rows.has_negatives:
        return 0
    by: Sequence[str | None] = rows.teachers or [None] * len(rows)
    return sum(_is_scored(own) and who != "" for own, who in zip(rows.teacher_scores, by, strict=True))


def teaches(rows: Rows) -> bool:
    """Whether a teacher has scored the positive and a negative of most rows."""
    taught = taught_rows(rows)
    return taught > 0 and taught >= MOST_ROWS * len(rows)


def few_scores(rows: Rows) -> Finding | None:
    """A note where a teacher has scored some rows, but too few for `train` to learn from it unasked."""
    taught = taught_rows(rows)
    if not taught or teaches(rows):
        return None
    message = (
        f"a teacher has scored the positive and a negative of {taught:,} of {counted(len(rows), 'pair')}; that is "
        "fewer than half, so its scores are not used."
    )
    ask = f"--loss gist --loss distill:{WEIGHT:g}"
    fix = f"Score more pairs (`embedtune mine --cross-encoder MODEL`), or learn from these by {ask}."
    return Finding("few-teacher-scores", "note", taught, message, fix)


def within_one(rows: Rows) -> bool:
    """Whether all scores lie within [-1, 1], as cosines and probabilities do and logits do not."""
    every = np.concatenate([np.array(own, dtype=np.float64) for own in rows.teacher_scores or ()])
    return bool(np.nanmax(np.abs(every)) <= 1)


def teacher_temperature(rows: Rows) -> float:
    """What suits the scale of the scores, as `teacher_temperature` of `distill`."""
    return SHARP if within_one(rows) else LOGITS


def _is_scored(own: object) -> bool:
    scores = np.array(own, dtype=np.float64)  # (1 + N,)
    return len(scores) > 1 and not np.isnan(scores[0]) and bool((~np.isnan(scores[1:])).any())
