"""Which documents to judge next: those that could change a comparison most, for neither side more than for the other.

What is at stake with a document is by how much its being relevant would change the difference between two systems.
Taking the largest stakes alone was rejected: a document that only one system ranks first has a large stake, those that
rank higher for it have small ones, so the one would be judged, the others not, and the verdict would lean by that
choice. Here either side gets the same sum of stakes at every point of the list, so one may stop judging anywhere.

Source: Carterette, Allan and Sitaraman 2006 (doi:10.1145/1148170.1148219), who judge the largest stakes in turn.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from embedtune.evaluation.metrics import Metric
from embedtune.evaluation.tasks.judged_arrays import JudgedSet

_NOTHING = 1e-12
"""Stakes up to this size are rounding."""


@dataclass(frozen=True)
class Stakes:
    """The unjudged documents among the first k of any system, and what is at stake with each.

    Args:
        queries: (U,) int64 query numbers.
        documents: (U,) int64 document numbers.
        ranks: (S, U) int64 the rank that each system gives it, 0 for none of the first k.
        changes: (P, U) float64 by how much a comparison would change if it were relevant, in units of one query's
            value: each other system minus the first; the value itself where there is only one system.
    """

    queries: np.ndarray
    documents: np.ndarray
    ranks: np.ndarray
    changes: np.ndarray


def stakes_of(metric: Metric, judged: JudgedSet, rankings: Sequence[np.ndarray], rows: np.ndarray) -> Stakes:
    """The documents that could be judged for a comparison of systems.

    Args:
        metric: the one compared.
        judged: the set.
        rankings: (Q, R) positions of each system, at least one.
        rows: (n,) the queries that the comparison rests on.
    """
    total = len(judged.documents)
    firsts = [positions[:, : metric.k] for positions in rankings]  # (Q, R) each
    open_ = [(first >= 0) & ~judged.is_judged(first) for first in firsts]  # (Q, R) each
    numbers = [np.arange(len(first))[:, None] * total + first for first in firsts]  # (Q, R) each
    wanted = np.isin(np.arange(len(firsts[0])), rows)[:, None]  # (Q, 1)
    pairs = np.unique(np.concatenate([own[one & wanted] for own, one in zip(numbers, open_, strict=True)]))  # (U,)
    queries = pairs // total  # (U,)
    ranks = np.zeros((len(firsts), len(pairs)), dtype=np.int64)  # (S, U)
    changes = np.empty((len(firsts), len(pairs)))  # (S, U)
    for system, first in enumerate(firsts):
        places = np.nonzero(open_[system] & wanted)
        ranks[system, np.searchsorted(pairs, numbers[system][places])] = places[1] + 1
        changes[system] = _changes(metric, judged, judged.grades_of(first))[queries, ranks[system]]
    compared = changes[1:] - changes[0] if len(firsts) > 1 else changes  # (P, U)
    return Stakes(queries, pairs % total, ranks, compared)


def _changes(metric: Metric, judged: JudgedSet, grades: np.ndarray) -> np.ndarray:
    """By how much each query's value changes if one more document is relevant: (Q, R + 1).

    Column 0 is a document that is not among the first; column r is the one at rank r, whatever its grade.
    """
    one_more = np.pad(judged.judged, ((0, 0), (0, 1)), constant_values=1)  # (Q, J + 1)
    values = [metric(grades, one_more)]
    for rank in range(grades.shape[1]):
        changed = grades.copy()
        changed[:, rank] = 1
        values.append(metric(changed, one_more))
    return np.stack(values, axis=1) - metric(grades, judged.judged)[:, None]


def worth_judging(stakes: Stakes, count: int, *, seed: int = 0) -> np.ndarray:
    """Numbers of the documents to judge, in order, as positions in `stakes`: (n,) int64, n at most `count`.

    Every comparison has two sides, documents that would raise it and documents that would lower it. The next document
    is always the largest stake of the side with the smallest sum so far; equal stakes come in random order.

    >>> one = np.zeros(3, dtype=np.int64)
    >>> worth_judging(Stakes(one, np.arange(3), one[None], np.array([[0.2, -0.1, -0.05]])), 3).tolist()
    [0, 1, 2]
    """
    signed = np.concatenate([stakes.changes, -stakes.changes])  # (2P, U)
    shuffled = np.random.default_rng(seed).permutation(signed.shape[1])  # (U,)
    piles = [iter(shuffled[np.argsort(-side[shuffled], kind="stable")].tolist()) for side in signed]
    sums = np.zeros(len(piles))
    taken: dict[int, None] = {}
    while len(taken) < count and not np.isinf(sums).all():
        side = int(sums.argmin())
        found = next((one for one in piles[side] if one not in taken), None)
        if found is None or signed[side, found] <= _NOTHING:
            sums[side] = np.inf
            continue
        taken[found] = None
        sums += np.maximum(signed[:, found], 0)
    return np.array(list(taken), dtype=np.int64)
