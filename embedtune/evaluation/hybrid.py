"""An encoder beside BM25, as search engines run both: two rankings of a judged set become one."""

from collections.abc import Callable, Sequence

import numpy as np

from embedtune.evaluation.rankers import Ranking
from embedtune.evaluation.ranking import rank
from embedtune.evaluation.tasks.judged_arrays import JudgedSet
from embedtune.search.fusion import NONE, reciprocal_points, scaled_points, summed

WEIGHTS = tuple(round(0.1 * step, 1) for step in range(11))
"""The weights of the second ranking that are tried."""


def by_reciprocal_ranks(rankings: Sequence[Ranking], k: int, judged: JudgedSet) -> Ranking:
    """The first k documents by the sum of 1 / (60 + rank) over the rankings; ties by id, as everywhere."""
    points = [reciprocal_points(one.positions) for one in rankings]
    return _first(rankings, points, k, judged)


def by_weighted_sum(first: Ranking, second: Ranking, weight: float, k: int, judged: JudgedSet) -> Ranking:
    """The first k documents by (1 - weight) of the first and weight of the second ranking's scores, scaled to 0..1.

    A document that a ranking does not hold gets nothing from it.
    """
    points = [
        share * scaled_points(one.scores, one.positions) for share, one in ((1 - weight, first), (weight, second))
    ]
    return _first((first, second), points, k, judged)


def best_weight(scored: Callable[[float], float]) -> float:
    """The weight with the highest score, of several the one nearest to an even share.

    >>> best_weight(lambda weight: min(weight, 0.8))
    0.8
    """
    return max(WEIGHTS, key=lambda weight: (scored(weight), -abs(weight - 0.5)))


def _first(rankings: Sequence[Ranking], points: Sequence[np.ndarray], k: int, judged: JudgedSet) -> Ranking:
    documents, total = summed([one.positions for one in rankings], points)  # (Q, N) each
    ties = np.where(documents == NONE, NONE, judged.document_ranks[documents])  # (Q, N)
    order = rank(total, ties)[:, :k]  # (Q, k)
    return Ranking(
        scores=np.take_along_axis(total, order, axis=1).astype(np.float32),
        positions=np.take_along_axis(documents, order, axis=1),
    )
