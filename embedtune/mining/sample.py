"""Which n of the kept candidates become negatives: the top, at random, weighted by score, or spread over the ranks.

A draw depends on (seed, text of the query, text of the document) alone: not on blocks, on other queries, or on where
a document stands in the corpus.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from embedtune.mining.candidates import Candidates

Sampling = Literal["top", "random", "weighted", "spread"]


@dataclass(frozen=True)
class Chosen:
    """The negatives of each query, best first.

    Args:
        columns: (Q, N) int64 places among the K candidates; -1 where a query is short of negatives.
    """

    columns: np.ndarray

    @property
    def counts(self) -> np.ndarray:
        """int64 (Q,): how many negatives each query got."""
        return (self.columns >= 0).sum(axis=1)  # (Q,)

    @property
    def short(self) -> np.ndarray:
        """bool (Q,): got fewer than were asked for."""
        return self.counts < self.columns.shape[1]  # (Q,)


def choose(
    candidates: Candidates,
    kept: np.ndarray,
    n: int,
    *,
    query_ids: np.ndarray,
    document_ids: np.ndarray,
    sampling: Sampling = "top",
    seed: int = 0,
    temperature: float = 0.05,
) -> Chosen:
    """Choose n negatives a query; those that a person marked negative come first.

    Args:
        candidates: the block.
        kept: bool (Q, K), what the filters left.
        n: negatives wanted a query, >= 1.
        query_ids: (Q,) int64 text ids.
        document_ids: (Q, K) int64 text ids of the candidates; they decide ties too.
        sampling: top: the best; random: equally likely; weighted: without replacement, with chances in proportion
            to exp(score / temperature); spread: evenly over the kept ranks, first and last included.
        seed: of the draws.
        temperature: of `weighted`, in units of the score, > 0.
    """
    raise NotImplementedError
