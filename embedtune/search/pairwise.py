"""Similarity of chosen pairs, summed as in `dense.top_k`: in float64, one dot product per pair, rounded once."""

import numpy as np

_AT_ONCE = 2**24  # bytes of vectors scored at a time; more would not fit in the processor's cache


def pair_scores(queries: np.ndarray, documents: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """The inner product of every query with each of its own documents.

    Args:
        queries: (Q, D), any float type.
        documents: (C, D), any float type; may be a memory map.
        positions: (Q, K) int64 into documents; -1 where there is none.

    Returns: float32 (Q, K); NaN where there is no document.

    >>> pair_scores(np.eye(2), np.array([[1.0, 0.0], [0.5, 2.0]]), np.array([[1, -1], [1, 0]])).tolist()
    [[0.5, nan], [2.0, 0.0]]
    """
    scores = np.full(positions.shape, np.nan, dtype=np.float32)  # (Q, K)
    rows = max(1, _AT_ONCE // max(1, 8 * positions.shape[1] * documents.shape[1]))
    for row in range(0, len(queries), rows):
        part = slice(row, row + rows)
        near = documents[positions[part]].astype(np.float64)  # (q, K, D)
        scores[part] = np.einsum("qkd,qd->qk", near, queries[part].astype(np.float64))  # (q, K)
    return np.where(positions < 0, np.float32(np.nan), scores)  # (Q, K)
