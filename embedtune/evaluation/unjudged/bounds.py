"""How much of a ranking is judged, and the lowest and highest score that it could have if everything were.

A document without a judgment counts as not relevant. Where few of the first documents are judged, this moves scores a
long way, and not equally for all systems: those that helped to choose what was judged gain.
"""

from functools import cache

import numpy as np

from embedtune.evaluation.metrics import Metric
from embedtune.evaluation.tasks.judged_arrays import JudgedSet

DEEPEST = 100
"""The largest cutoff for which bounds are computed: they take two evaluations per rank."""
FEW = 0.5
"""A verdict is flagged where less than this share of the first documents is judged."""


def judged_share(judged: JudgedSet, positions: np.ndarray, k: int) -> float:
    """Which share of the first k documents of all queries is judged, relevant or not.

    Bounds: 0 to 1; 1 where nothing is ranked.

    Args:
        judged: the set.
        positions: (Q, R) ranked documents; -1 for none.
        k: cutoff.
    """
    first = positions[:, :k]  # (Q, R)
    ranked = int((first >= 0).sum())
    return float(judged.is_judged(first).sum() / ranked) if ranked else 1.0


def value_bounds(metric: Metric, judged: JudgedSet, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """The lowest and the highest value of each query, whatever the grades of unjudged documents are.

    The highest value comes from relevant documents at the top of the ranking, the lowest from relevant documents that
    it lacks, or has last. A value also depends on how many are relevant in all, so every number up to k is tried.

    Source: the residual of Moffat and Zobel 2008 (doi:10.1145/1416950.1416952), for metrics that are normalized.
    Bounds: equal where all documents are judged. Unjudged documents of a query are not relevant, or share one grade,
    the lowest or the highest of the set; with the one grade of binary judgments, no answers give a value outside.

    Returns: two arrays (Q,); None for metrics that fall without limit as more documents are relevant (recall, map), for
        which a ranking sets no bounds, and for cutoffs above `DEEPEST`.
    """
    k = metric.k
    if k > DEEPEST or not _settles(metric):
        return None
    first = positions[:, :k]  # (Q, R)
    unjudged = (first >= 0) & ~judged.is_judged(first)  # (Q, R)
    elsewhere = len(judged.documents) - judged.judged_counts() - unjudged.sum(axis=1)  # (Q,)
    grades = judged.grades_of(first)  # (Q, R)
    low = high = metric(grades, judged.judged)  # (Q,)
    relevant = judged.grades[judged.grades > 0]
    for grade in np.unique([relevant.min(), relevant.max()]) if len(relevant) else ():
        for count in range(1, k + 1):
            best = unjudged & (np.cumsum(unjudged, axis=1) <= count)  # (Q, R)
            within = np.maximum(count - elsewhere, 0)[:, None]  # (Q, 1)
            worst = unjudged & (np.cumsum(unjudged[:, ::-1], axis=1)[:, ::-1] <= within)  # (Q, R)
            high = np.maximum(high, _value(metric, judged, grades, best, best.sum(axis=1), grade))
            more = worst.sum(axis=1) + np.minimum(count, elsewhere)  # (Q,)
            low = np.minimum(low, _value(metric, judged, grades, worst, more, grade))
    return low, high


def _value(
    metric: Metric, judged: JudgedSet, grades: np.ndarray, relevant: np.ndarray, more: np.ndarray, grade: int
) -> np.ndarray:
    """The values (Q,) if the documents at `relevant` (Q, R) had this grade, `more` (Q,) documents having it in all."""
    added = np.where(np.arange(metric.k) < more[:, None], grade, 0)  # (Q, k)
    return metric(np.where(relevant, grade, grades), np.concatenate([judged.judged, added], axis=1))


@cache
def _settles(metric: Metric) -> bool:
    """Whether a value no longer depends on how many documents are relevant once there are k of them."""
    ranked = np.eye(1, metric.k, dtype=np.int64)  # (1, k), the first document relevant
    few, many = (metric(ranked, np.ones((1, times * metric.k), dtype=np.int64)) for times in (1, 2))
    return bool(few == many)
