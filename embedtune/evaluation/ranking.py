"""The only sort of an evaluation: score descending as float32, ties by document id descending, as trec_eval does.

The tie rule decides what a scorer that cannot tell documents apart can score. If ties went by position, it would profit
from the order in which the data was written, which often has relevant documents first.
"""

from collections.abc import Sequence

import numpy as np


def id_ranks(ids: Sequence[str]) -> np.ndarray:
    """The place of each id among all ids in ascending order: int64 (C,).

    Code points order as the UTF-8 bytes that trec_eval compares.

    >>> id_ranks(["b", "a", "가"]).tolist()
    [1, 0, 2]
    """
    ranks = np.empty(len(ids), dtype=np.int64)
    ranks[sorted(range(len(ids)), key=ids.__getitem__)] = np.arange(len(ids))
    return ranks


def rank(scores: np.ndarray, id_rank: np.ndarray) -> np.ndarray:
    """The order of documents, best first, along the last axis.

    Args:
        scores: (..., C), compared as float32: a smaller difference is a tie.
        id_rank: (..., C) or (C,), from `id_ranks`; the greater goes first among ties.

    Returns: positions (..., C) int64 into the last axis of `scores`.

    >>> rank(np.array([0.5, 0.5 + 1e-9, 0.9]), id_ranks(["a", "b", "c"])).tolist()
    [2, 1, 0]
    """
    single = np.asarray(scores, dtype=np.float32)
    return np.lexsort((-np.broadcast_to(id_rank, single.shape), -single), axis=-1)
