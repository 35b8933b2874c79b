"""Two lists of candidates made one: dense and BM25."""

import numpy as np


def reciprocal_rank(first: np.ndarray, second: np.ndarray, k: int, *, constant: float = 60.0) -> np.ndarray:
    """The k best documents by the sum of 1 / (constant + rank) over both lists, ranks from 1.

    Source: Cormack, Clarke and Buettcher 2009, Reciprocal rank fusion outperforms Condorcet. Ties go to the document
    that the first list ranks better.

    Args:
        first: (Q, K1) int64 documents, best first, -1 padding; no document twice in a row.
        second: (Q, K2) likewise.
        k: how many to return.
        constant: how little the top ranks stand out; the paper's 60.

    Returns: (Q, k) int64, -1 padding.
    """
    raise NotImplementedError


def alternate(first: np.ndarray, second: np.ndarray, k: int) -> np.ndarray:
    """The k first documents taken from both lists in turn, the first list beginning; each document once.

    Args:
        first: (Q, K1) int64 documents, best first, -1 padding; no document twice in a row.
        second: (Q, K2) likewise.
        k: how many to return.

    Returns: (Q, k) int64, -1 padding.
    """
    raise NotImplementedError
