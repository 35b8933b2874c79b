"""Packs score and tie order into one integer, so that one sort or partition cuts exactly, however many scores tie."""

import numpy as np

from embedtune.errors import ConfigError

WORST = np.iinfo(np.int64).min  # below the key of every score, minus infinity included
_FLIP = np.int32(0x7FFFFFFF)
_RANK = np.int64(0xFFFFFFFF)


class TieOrder:
    """Which of several documents with the same score comes first.

    Args:
        count: C, the number of documents.
        tie_rank: (C,) a permutation of 0..C-1, the greater first. None: the earlier document first.

    >>> order = TieOrder(3)
    >>> scores, positions = order.unpack(order.pack(np.array([0.5, 2.0]), np.array([2, 0])))
    >>> scores.tolist(), positions.tolist()
    ([0.5, 2.0], [2, 0])
    """

    def __init__(self, count: int, tie_rank: np.ndarray | None = None) -> None:
        ranks = np.arange(count)[::-1] if tie_rank is None else np.asarray(tie_rank, dtype=np.int64)  # (C,)
        if ranks.shape != (count,):
            raise ConfigError(f"tie_rank has the shape {ranks.shape}; it needs ({count},), one rank per document")
        self.ranks = ranks
        self._at_rank = np.empty(count, dtype=np.int64)  # (C,), the inverse: rank -> position
        self._at_rank[ranks] = np.arange(count)

    def pack(self, scores: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """Keys that sort like (float32 score, rank): the score's bits, made monotonic, above 32 bits of rank."""
        bits = (scores.astype(np.float32) + np.float32(0)).view(np.int32)  # plus zero, so that -0.0 equals 0.0
        return (np.where(bits < 0, bits ^ _FLIP, bits).astype(np.int64) << 32) | self.ranks[positions]

    def unpack(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Scores float32 and positions int64; -inf and -1 where the key is `WORST`."""
        none = keys == WORST
        scores = np.where(none, np.float32(-np.inf), scores_of(keys))
        return scores, np.where(none, -1, self._at_rank[np.where(none, 0, keys & _RANK)])


def scores_of(keys: np.ndarray) -> np.ndarray:
    """The float32 scores packed in keys."""
    bits = (keys >> 32).astype(np.int32)
    return np.where(bits < 0, bits ^ _FLIP, bits).view(np.float32)


def largest(keys: np.ndarray, k: int) -> np.ndarray:
    """The k largest of each row, the largest first.

    >>> largest(np.array([[3, 9, 4]]), 2).tolist()
    [[9, 4]]
    """
    if k < keys.shape[1]:
        keys = np.partition(keys, keys.shape[1] - k, axis=1)[:, -k:]
    return np.sort(keys, axis=1)[:, ::-1]
