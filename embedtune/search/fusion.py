"""Several lists of documents as one: the points of each document added up over the lists that hold it."""

from collections.abc import Sequence

import numpy as np

NONE = -1
"""The document number of an empty place."""
CONSTANT = 60.0
"""Of reciprocal ranks, as in the paper: the larger, the less the top ranks stand out."""


def reciprocal_points(documents: np.ndarray, constant: float = CONSTANT) -> np.ndarray:
    """1 / (constant + rank) of ranked documents (Q, K), ranks from 1: float64 (Q, K), 0 at empty places.

    Source: Cormack, Clarke and Buettcher 2009, Reciprocal rank fusion outperforms Condorcet.
    """
    ranks = np.arange(1, documents.shape[1] + 1)  # (K,)
    return np.where(documents == NONE, 0.0, 1 / (constant + ranks))  # (Q, K)


def scaled_points(scores: np.ndarray, documents: np.ndarray) -> np.ndarray:
    """The scores of ranked documents (Q, K) from 0, the lowest of the list, to 1: float64 (Q, K), 0 at empty places.

    Source: min-max scaling as in Lee 1997 and in ranx. A list whose scores are all equal gets zeros, so that it does
    not decide anything.
    """
    there = documents != NONE  # (Q, K)
    values = np.where(there, scores, 0.0).astype(np.float64)
    low = np.where(there, values, np.inf).min(axis=1, keepdims=True)  # (Q, 1)
    high = np.where(there, values, -np.inf).max(axis=1, keepdims=True)  # (Q, 1)
    spread = np.where(high > low, high - low, 1.0)
    return np.where(there, (values - np.where(np.isfinite(low), low, 0.0)) / spread, 0.0)


def summed(documents: Sequence[np.ndarray], points: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The documents of all lists next to each other, each with the sum of its points where it stands first.

    Args:
        documents: (Q, K1), (Q, K2), ... int64, `NONE` at empty places; no list names a document twice.
        points: of each list, the same shapes.

    Returns: documents (Q, K1 + K2 + ...), `NONE` where a document has stood before, and points, -inf there.

    >>> lists, gains = [np.array([[1, 2]]), np.array([[2, 3]])], [np.array([[4.0, 3.0]]), np.array([[2.0, 1.0]])]
    >>> found, points = summed(lists, gains)
    >>> found.tolist(), points.tolist()
    ([[1, 2, -1, 3]], [[4.0, 5.0, -inf, 1.0]])
    """
    found, gained = np.concatenate(documents, axis=1), np.concatenate(points, axis=1).astype(np.float64)  # (Q, N)
    order = np.argsort(found, axis=1, kind="stable")  # (Q, N): mentions of one document are neighbours, first one first
    ordered, sums = (np.take_along_axis(table, order, axis=1) for table in (found, gained))
    again = np.zeros(ordered.shape, dtype=bool)
    again[:, 1:] = ordered[:, 1:] == ordered[:, :-1]
    for place in range(ordered.shape[1] - 1, 0, -1):
        sums[:, place - 1] += np.where(again[:, place], sums[:, place], 0.0)
    gone = again | (ordered == NONE)
    total, first = np.empty_like(gained), np.empty_like(found)
    np.put_along_axis(total, order, np.where(gone, -np.inf, sums), axis=1)
    np.put_along_axis(first, order, np.where(gone, NONE, ordered), axis=1)
    return first, total
