"""Joining two lists of candidates, dense and BM25: (Q, K) int64 documents, best first, none twice per query."""

import numpy as np

from embedtune.mining.candidate_block import PADDING, repeated
from embedtune.search.fusion import CONSTANT, reciprocal_points, summed


def reciprocal_rank(first: np.ndarray, second: np.ndarray, k: int, *, constant: float = CONSTANT) -> np.ndarray:
    """The k best documents by the sum of 1 / (constant + rank) over both lists, ranks from 1.

    Source: Cormack, Clarke and Buettcher 2009, Reciprocal rank fusion outperforms Condorcet. Ties go to the document
    that the first list ranks higher.

    Args:
        first: (Q, K1) documents, padded with `PADDING`.
        second: (Q, K2) likewise.
        k: how many to return.
        constant: the larger, the less the top ranks stand out; 60 as in the paper.

    Returns: (Q, k) int64, padded.

    >>> reciprocal_rank(np.array([[1, 2, 3]]), np.array([[3, 4, -1]]), 5).tolist()
    [[3, 1, 2, 4, -1]]
    """
    lists = (first, second)
    documents, points = summed(lists, [reciprocal_points(one, constant) for one in lists])  # (Q, K1+K2)
    return _first(documents, points, k)


def alternate(first: np.ndarray, second: np.ndarray, k: int) -> np.ndarray:
    """The first k documents of both lists taken in turn, starting with the first list; repeats are skipped.

    Returns: (Q, k) int64, padded.

    >>> alternate(np.array([[1, 2, 3]]), np.array([[1, 4, -1]]), 5).tolist()
    [[1, 2, 4, 3, -1]]
    """
    turns = np.concatenate([2 * np.arange(first.shape[1]), 2 * np.arange(second.shape[1]) + 1])
    documents = np.concatenate([first, second], axis=1)  # (Q, K1+K2)
    points = np.broadcast_to(1.0 / (1 + turns), documents.shape)  # (Q, K1+K2)
    return _first(documents, points, k)


def _first(documents: np.ndarray, points: np.ndarray, k: int) -> np.ndarray:
    """The k documents with the most points, without repeats, padded: (Q, k)."""
    order = np.argsort(-points, axis=1, kind="stable")  # (Q, K1+K2)
    documents = np.take_along_axis(documents, order, axis=1)  # (Q, K1+K2)
    gone = repeated(documents) | (documents == PADDING)  # (Q, K1+K2)
    left = np.argsort(gone, axis=1, kind="stable")[:, :k]  # (Q, k)
    best = np.where(np.take_along_axis(gone, left, axis=1), PADDING, np.take_along_axis(documents, left, axis=1))
    return np.pad(best, ((0, 0), (0, k - best.shape[1])), constant_values=PADDING)  # (Q, k)
