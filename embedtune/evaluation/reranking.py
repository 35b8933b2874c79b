"""A second look at the first documents of a ranking: a better and slower judge puts them in a new order."""

from collections.abc import Callable, Sequence

import numpy as np

from embedtune.evaluation.rankers import Ranking
from embedtune.evaluation.ranking import rank
from embedtune.evaluation.tasks.judged_arrays import JudgedSet
from embedtune.progress import Progress

PairScores = Callable[[Sequence[tuple[str, str]]], np.ndarray]
"""Scores of pairs (query, document), higher is better: float32 (n,)."""
QUERIES_AT_A_TIME = 16


def reranked(
    ranking: Ranking,
    judged: JudgedSet,
    scores_of: PairScores,
    depth: int,
    *,
    rows: Sequence[int] | None = None,
    progress: Progress | None = None,
) -> Ranking:
    """The ranking with the first `depth` documents of each query in the judge's order; the others keep theirs.

    Args:
        ranking: of the first stage.
        judged: whose texts are read.
        scores_of: the judge.
        depth: how many documents of each query it reads, >= 1.
        rows: the queries to look at, the others stay as they are; None: all.
        progress: receives how many queries are done.
    """
    scores, positions = ranking.scores.copy(), ranking.positions.copy()
    wanted = list(range(len(positions)) if rows is None else rows)
    for start in range(0, len(wanted), QUERIES_AT_A_TIME):
        some = wanted[start : start + QUERIES_AT_A_TIME]
        heads = [positions[row, :depth][positions[row, :depth] >= 0] for row in some]
        pairs = [
            (judged.queries[row], judged.documents[place])
            for row, head in zip(some, heads, strict=True)
            for place in head.tolist()
        ]
        found = np.split(scores_of(pairs), np.cumsum([len(head) for head in heads])[:-1])
        for row, head, own in zip(some, heads, found, strict=True):
            order = rank(own, judged.document_ranks[head])
            places = np.flatnonzero(positions[row, :depth] >= 0)
            positions[row, places], scores[row, places] = head[order], own[order]
            scores[row] = _descending(scores[row], int(places[-1]) + 1 if len(places) else 0)
        if progress is not None:
            progress(start + len(some))
    return Ranking(scores, positions)


def _descending(scores: np.ndarray, depth: int) -> np.ndarray:
    """The scores (K,) with those behind the first `depth` moved below them, in steps that keep their order."""
    tail = np.isfinite(scores[depth:])
    if not depth or not tail.any():
        return scores
    lowest = float(scores[:depth][np.isfinite(scores[:depth])].min())
    moved = scores.copy()
    moved[depth:] = np.where(tail, lowest - np.arange(1, len(tail) + 1), -np.inf)
    return moved
