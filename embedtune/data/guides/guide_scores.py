"""Scores of pairs computed elsewhere: a teacher's opinion of some pairs.

A loss sees vectors, so scores cannot guide as vectors do. They serve in two ways: as teacher scores of the rows they
cover, and as known positives: a text that scores above the row's own positive, less the margin, is never its negative.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from embedtune.data.guides.guide_file import DOCUMENT, QUERY
from embedtune.data.prepare import TrainingData
from embedtune.data.rows import Rows
from embedtune.data.sources.columns import field_of, number_of
from embedtune.data.sources.tables import open_table
from embedtune.errors import DataError
from embedtune.findings import counted
from embedtune.identity import text_id

PairScores = Mapping[int, Mapping[int, float]]
"""Query text id -> document text id -> score."""


Threshold = Callable[[float], float]
"""Score of a positive -> the score above which another text is also a positive."""


def read_scores(path: Path) -> PairScores:
    """The scores of a file; for a repeated pair, the higher one.

    Raises:
        DataError: the file is faulty; all faults are reported at once.
    """
    table = open_table(path)
    scores: dict[int, dict[int, float]] = {}
    for number, record in table.records:
        place = table.place(number)
        query, document = (next((name for name in names if name in record), names[0]) for names in (QUERY, DOCUMENT))
        asked = field_of(record, query, place, table.problems)
        found = field_of(record, document, place, table.problems)
        score = number_of(record.get("score"), "score", place, table.problems)
        if asked is not None and found is not None and score is not None:
            own = scores.setdefault(text_id(asked), {})
            own[text_id(found)] = max(score, own.get(text_id(found), -math.inf))
    table.problems.raise_if_any()
    return scores


def with_scores(data: TrainingData, scores: PairScores, threshold: Threshold, path: Path) -> TrainingData:
    """The data with the scores of its rows.

    Raises:
        DataError: no row's own pair has a score.
    """
    rows = data.train
    own = _row_scores(rows, scores)
    covered = sum(not math.isnan(one[0]) for one in own)
    if not covered:
        raise DataError(
            f"none of the {counted(len(rows), 'training pair')} has a score",
            where=str(path),
            next="score the training pairs too: other texts are judged against the score of the row's own positive",
        )
    alike = _known(rows, own, scores, threshold)
    said = (
        f"scores from {path.name}: {covered:,} of {counted(len(rows), 'training pair')} have one; "
        f"{counted(len(alike), 'other text')} within the margin, never used as negatives of their query"
    )
    return replace(
        data,
        train=replace(rows, teacher_scores=own) if rows.teacher_scores is None else rows,
        known_positives=np.unique(np.concatenate([data.known_positives, alike]), axis=0),  # (P, 2)
        described=(*data.described, said),
    )


def _row_scores(rows: Rows, scores: PairScores) -> list[list[float]]:
    """Scores of [positive, negatives...] per row, NaN for missing ones."""
    negatives: Sequence = rows.negative_ids if rows.has_negatives else [()] * len(rows)
    found = []
    for anchor, positive, others in zip(rows.anchor_ids.tolist(), rows.positive_ids.tolist(), negatives, strict=True):
        known = scores.get(anchor, {})
        found.append([known.get(int(one), math.nan) for one in (positive, *others)])
    return found


def _known(rows: Rows, own: list[list[float]], scores: PairScores, threshold: Threshold) -> np.ndarray:
    """(P, 2) pairs (anchor id, text id) that score above the anchor's lowest positive, less the margin."""
    lowest: dict[int, float] = {}
    for anchor, one in zip(rows.anchor_ids.tolist(), own, strict=True):
        if not math.isnan(one[0]):
            lowest[anchor] = min(one[0], lowest.get(anchor, math.inf))
    positives = set(zip(rows.anchor_ids.tolist(), rows.positive_ids.tolist(), strict=True))
    pairs = [
        (anchor, document)
        for anchor, positive in lowest.items()
        for document, score in scores[anchor].items()
        if score > threshold(positive) and (anchor, document) not in positives
    ]
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)  # (P, 2)
