"""How far two rankings of the same documents agree."""

import numpy as np

from embedtune.evaluation.rankers import Ranking


def overlap(first: Ranking, second: Ranking, k: int = 10) -> np.ndarray:
    """The share of the first k documents of one ranking that are among the first k of the other: float64 (Q,).

    Bounds: 0 to 1; 1 where both find the same documents, in any order.
    """
    a, b = first.positions[:, :k], second.positions[:, :k]  # (Q, k)
    there = (a[:, :, None] == b[:, None, :]) & (a >= 0)[:, :, None]  # (Q, k, k)
    return there.any(axis=2).sum(axis=1) / np.maximum((a >= 0).sum(axis=1), 1)


def first_changed(first: Ranking, second: Ranking) -> np.ndarray:
    """Whether the first answer of each query is another document: bool (Q,)."""
    return first.positions[:, 0] != second.positions[:, 0]
