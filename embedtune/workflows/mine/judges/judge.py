"""What a second model is asked for, and which of them a job asks."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from embedtune.mining.candidate_block import Opinion


class Judge(Protocol):
    """A second model that scores the same candidates."""

    @property
    def key(self) -> str:
        """A hash of the model and how it is used."""
        ...

    def opinion(self, block: int, documents: np.ndarray) -> Opinion:
        """Its scores of the documents (Q, K) of a block."""
        ...


@dataclass(frozen=True)
class Judges:
    """The second models that a job asks; None for those that it does not ask."""

    guide: Judge | None = None
    cross: Judge | None = None
    teacher: Judge | None = None

    @property
    def keys(self) -> dict[str, str]:
        """Name -> hash of each one that is asked."""
        return {name: judge.key for name, judge in vars(self).items() if judge is not None}


def least(values: np.ndarray, queries: np.ndarray, count: int) -> np.ndarray:
    """The smallest of each query's values; NaN for a query without values.

    Args:
        values: (P,) float32.
        queries: (P,) int64, the query number of each, from 0.
        count: how many queries there are.

    Returns: float32 (count,).
    """
    lowest = np.full(count, np.inf, dtype=np.float32)  # (Q,)
    np.minimum.at(lowest, queries, values)
    return np.where(np.isinf(lowest), np.float32(np.nan), lowest)  # (Q,)
