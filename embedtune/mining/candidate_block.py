"""A block of queries and their candidates: the input of filters, sampler and ledger."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

PADDING = -1
"""The document number of an empty place."""


@dataclass(frozen=True)
class Opinion:
    """Scores of the same candidates by a second judge: a guide, a cross-encoder or a teacher's file.

    Args:
        scores: (Q, K) float, NaN for candidates that it did not score.
        positive_scores: (Q,) float, its lowest score of a positive of the query; NaN: not scored.
        each_positive: (P,) float, its score of every positive, query by query; None where nobody asks for them.
    """

    scores: np.ndarray
    positive_scores: np.ndarray
    each_positive: np.ndarray | None = None


@dataclass(frozen=True)
class CandidateBlock:
    """Candidates of Q queries, K places each, best first. Arrays only: no texts, no model.

    Args:
        documents: (Q, K) int64 positions in the corpus, padded with `PADDING`.
        scores: (Q, K) float32 similarity by the mining model; anything at padding.
        positive_scores: (Q,) float32, the score of the query's LEAST similar positive; NaN if it has none.
        known: (Q, K) bool: a known positive of the query, or the same text as the query or one of its positives.
        duplicates: (Q, K) bool: nearly the same text as those, or as a better candidate; None: not checked.
        copies: (Q, K) bool: holds the query or one of its positives, or is part of one; None: not checked.
        same_group: (Q, K) bool: in the query's own group; None: there are no groups.
        marked: (Q, K) bool: a person marked it negative in the ledger; None: there is no ledger.
        guide: the guide's opinion, or None.
        cross_encoder: the cross-encoder's opinion, or None.
        teacher: what a teacher's file says, or None.
    """

    documents: np.ndarray
    scores: np.ndarray
    positive_scores: np.ndarray
    known: np.ndarray
    duplicates: np.ndarray | None = None
    copies: np.ndarray | None = None
    same_group: np.ndarray | None = None
    marked: np.ndarray | None = None
    guide: Opinion | None = None
    cross_encoder: Opinion | None = None
    teacher: Opinion | None = None

    def __len__(self) -> int:
        return len(self.documents)

    @cached_property
    def present(self) -> np.ndarray:
        """bool (Q, K): whether the place holds a candidate."""
        return self.documents != PADDING  # (Q, K)

    @cached_property
    def ranks(self) -> np.ndarray:
        """int64 (Q, K): the rank, from 0, among the query's candidates that are not known positives, before any filter.

        Known positives and padding have the rank of the next candidate.
        """
        counted = self.present & ~self.known  # (Q, K)
        return np.cumsum(counted, axis=1) - counted  # (Q, K)


def belongs(ids: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Whether each candidate is on its query's list, such as known positives or marked negatives.

    Args:
        ids: (Q, K) int64, of the candidates: text ids, positions or groups, as in the list.
        pairs: (P, 2) int64 pairs (query number in the block, id).

    Returns: bool (Q, K).

    >>> belongs(np.array([[5, 6], [5, 7]]), np.array([[0, 6], [1, 6]])).tolist()
    [[False, True], [False, False]]
    """
    known, codes = np.unique(ids, return_inverse=True)
    codes = codes.reshape(ids.shape) + np.arange(len(ids))[:, None] * len(known)  # (Q, K)
    pairs = np.asarray(pairs, dtype=np.int64).reshape(-1, 2)
    pairs = pairs[np.isin(pairs[:, 1], known)]  # (P, 2)
    return np.isin(codes, pairs[:, 0] * len(known) + np.searchsorted(known, pairs[:, 1]))  # (Q, K)


def repeated(ids: np.ndarray) -> np.ndarray:
    """Whether an earlier candidate of the same query has the same id.

    Args:
        ids: (Q, K) int64.

    Returns: bool (Q, K).

    >>> repeated(np.array([[3, 4, 3, 3], [4, 3, 5, 4]])).tolist()
    [[False, False, True, True], [False, False, False, True]]
    """
    order = np.argsort(ids, axis=1, kind="stable")  # (Q, K)
    ordered = np.take_along_axis(ids, order, axis=1)  # (Q, K)
    again = np.zeros(ids.shape, dtype=bool)  # (Q, K)
    again[:, 1:] = ordered[:, 1:] == ordered[:, :-1]
    found = np.empty(ids.shape, dtype=bool)  # (Q, K)
    np.put_along_axis(found, order, again, axis=1)
    return found
