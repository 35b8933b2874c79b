"""A second look at the first documents of a ranking: a better and slower judge puts them in a new order.

The judge and the ranking often err on different documents, so that both together may be better than either: the
ranking's own score is added, multiplied by a weight that dev queries choose.
"""

from collections.abc import Callable, Sequence

import numpy as np

from embedtune.evaluation.rankers import Ranking
from embedtune.evaluation.ranking import rank
from embedtune.evaluation.tasks.judged_arrays import JudgedSet
from embedtune.progress import Progress

PairScores = Callable[[Sequence[tuple[str, str]]], np.ndarray]
"""Scores of pairs (query, document), higher is better: float32 (n,)."""
QUERIES_AT_A_TIME = 16
SHARES = (0.0, 0.5, 1.0, 2.0, 4.0)
"""How far the ranking's own scores may spread within a query, added to the judge's, as a multiple of the judge's."""


def reranked(
    ranking: Ranking,
    judged: JudgedSet,
    scores_of: PairScores,
    depth: int,
    *,
    mix: float = 0.0,
    rows: Sequence[int] | None = None,
    progress: Progress | None = None,
) -> Ranking:
    """The ranking with the first `depth` documents of each query in the judge's order; the others keep theirs.

    Args:
        ranking: of the first stage.
        judged: whose texts are read.
        scores_of: the judge.
        depth: how many documents of each query it reads, >= 1.
        mix: how much the ranking's own score counts beside the judge's.
        rows: the queries to look at, the others stay as they are; None: all.
        progress: receives how many queries are done.
    """
    found = opinions(ranking, judged, scores_of, depth, rows=rows, progress=progress)
    return reordered(ranking, judged, found, mix)


def opinions(
    ranking: Ranking,
    judged: JudgedSet,
    scores_of: PairScores,
    depth: int,
    *,
    rows: Sequence[int] | None = None,
    progress: Progress | None = None,
) -> np.ndarray:
    """What the judge says of the first `depth` documents of each query: float32 (Q, depth); NaN where it was not asked.

    Args: as of `reranked`.
    """
    heads = ranking.positions[:, :depth]  # (Q, depth)
    found = np.full(heads.shape, np.nan, dtype=np.float32)
    wanted = np.arange(len(heads)) if rows is None else np.asarray(rows, dtype=np.int64)
    for start in range(0, len(wanted), QUERIES_AT_A_TIME):
        some = wanted[start : start + QUERIES_AT_A_TIME]
        row, column = np.nonzero(heads[some] >= 0)
        places = heads[some[row], column]
        pairs = [
            (judged.queries[query], judged.documents[place])
            for query, place in zip(some[row].tolist(), places.tolist(), strict=True)
        ]
        found[some[row], column] = scores_of(pairs)
        if progress is not None:
            progress(start + len(some))
    return found


def reordered(ranking: Ranking, judged: JudgedSet, found: np.ndarray, mix: float = 0.0) -> Ranking:
    """The ranking with its first documents by the judge's opinions (Q, depth), and `mix` times its own scores."""
    scores, positions = ranking.scores.copy(), ranking.positions.copy()
    for row, opinion in enumerate(found):
        places = np.flatnonzero(~np.isnan(opinion))
        if not len(places):
            continue
        head = positions[row, places]
        own = opinion[places] if mix == 0 else opinion[places] + np.float32(mix) * scores[row, places]
        order = rank(own, judged.document_ranks[head])
        positions[row, places], scores[row, places] = head[order], own[order]
        scores[row] = _descending(scores[row], int(places[-1]) + 1)
    return Ranking(scores, positions, scored=found.shape[1])


def mixes(ranking: Ranking, found: np.ndarray) -> list[float]:
    """Weights of the ranking's own scores worth trying beside the judge's opinions (Q, depth): those of `SHARES`."""
    own = np.where(np.isnan(found), np.nan, ranking.scores[:, : found.shape[1]])
    judge, ranked = _spread(found), _spread(own)
    return [share * judge / ranked for share in SHARES] if ranked > 0 else [0.0]


def _spread(scores: np.ndarray) -> float:
    """Standard deviation within the queries that have two or more scores (Q, depth)."""
    some = scores[(~np.isnan(scores)).sum(axis=1) > 1].astype(np.float64)
    return float(np.sqrt(np.nanmean((some - np.nanmean(some, axis=1, keepdims=True)) ** 2))) if len(some) else 0.0


def _descending(scores: np.ndarray, depth: int) -> np.ndarray:
    """The scores (K,) with those behind the first `depth` moved below them, in steps that keep their order."""
    tail = np.isfinite(scores[depth:])
    if not tail.any():
        return scores
    lowest = float(scores[:depth][np.isfinite(scores[:depth])].min())
    moved = scores.copy()
    moved[depth:] = np.where(tail, lowest - np.arange(1, len(tail) + 1), -np.inf)
    return moved
