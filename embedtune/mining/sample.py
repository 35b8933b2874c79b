"""Which n of the kept candidates become negatives: the top, at random, weighted by score, or spread over the ranks.

A draw depends only on (seed, text of the query, text of the document): not on blocks, other queries or the order of
the corpus.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from embedtune.mining.candidate_block import CandidateBlock

Sampling = Literal["top", "random", "weighted", "spread"]


@dataclass(frozen=True)
class Chosen:
    """The negatives of each query, best first.

    Args:
        columns: (Q, N) int64 positions among the K candidates, padded with -1.
    """

    columns: np.ndarray

    @property
    def counts(self) -> np.ndarray:
        """int64 (Q,): how many negatives each query got."""
        return (self.columns >= 0).sum(axis=1)  # (Q,)


def choose(
    candidates: CandidateBlock,
    kept: np.ndarray,
    n: int,
    *,
    query_ids: np.ndarray,
    document_ids: np.ndarray,
    sampling: Sampling = "top",
    seed: int = 0,
    temperature: float = 0.05,
) -> Chosen:
    """Choose n negatives per query; those that a person marked negative come first.

    Args:
        candidates: the block.
        kept: bool (Q, K), what the filters left.
        n: negatives wanted per query, >= 1.
        query_ids: (Q,) int64 text ids.
        document_ids: (Q, K) int64 text ids of the candidates; they decide ties too.
        sampling: top: the best; random: equally likely; weighted: without replacement, with chances in proportion
            to exp(score / temperature); spread: evenly over the kept ranks, first and last included.
        seed: of the draws.
        temperature: of `weighted`, in units of the score, > 0.
    """
    free = kept if candidates.marked is None else kept & ~candidates.marked  # (Q, K)
    wanted = n - np.minimum(n, (kept & ~free).sum(axis=1))  # (Q,), besides the marked ones
    if sampling == "top":
        order = np.broadcast_to(-np.arange(kept.shape[1], dtype=np.float64), kept.shape)  # (Q, K)
    elif sampling == "spread":
        order = _spread(free, wanted).astype(np.float64)  # (Q, K)
    else:
        order = _uniform(seed, query_ids, document_ids)  # (Q, K)
        if sampling == "weighted":
            # The Gumbel trick: the n largest values of score / temperature + noise are such a draw.
            order = candidates.scores / temperature - np.log(-np.log(order))  # (Q, K)
    order = np.where(free, order, np.where(kept, np.inf, -np.inf))  # (Q, K)
    columns = np.lexsort((document_ids, -order), axis=1)[:, :n]  # (Q, n)
    columns = np.where(np.take_along_axis(kept, columns, axis=1), columns, kept.shape[1])  # (Q, n)
    columns = np.pad(np.sort(columns, axis=1), ((0, 0), (0, n - columns.shape[1])), constant_values=kept.shape[1])
    return Chosen(np.where(columns < kept.shape[1], columns, -1))


def _spread(free: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """bool (Q, K): `wanted` (Q,) places per query, spread evenly over its free ones."""
    ranks = np.where(free, np.cumsum(free, axis=1) - 1, -1)  # (Q, K)
    last, steps = free.sum(axis=1) - 1, wanted - 1  # (Q,), (Q,)
    picked = np.zeros(free.shape, dtype=bool)  # (Q, K)
    for i in range(wanted.max(initial=0)):
        # Rounded with integers: i last / steps can be exactly a half, where floats round either way.
        place = np.where(steps > 0, (2 * i * last + steps) // np.maximum(2 * steps, 1), 0)  # (Q,)
        place = np.where(last > steps, place, i)  # (Q,)
        picked |= (ranks == place[:, None]) & (i < wanted)[:, None]  # (Q, K)
    return picked & free


def _uniform(seed: int, query_ids: np.ndarray, document_ids: np.ndarray) -> np.ndarray:
    """A number in (0, 1) for each pair, determined by the seed and the two texts: float64 (Q, K)."""
    start = _mixed(np.array([seed], dtype=np.int64).view(np.uint64))  # (1,)
    rows = _mixed(start ^ query_ids.astype(np.int64).view(np.uint64))  # (Q,)
    bits = _mixed(rows[:, None] ^ document_ids.astype(np.int64).view(np.uint64))  # (Q, K)
    return ((bits >> np.uint64(11)).astype(np.float64) + 0.5) / 2**53  # (Q, K)


def _mixed(bits: np.ndarray) -> np.ndarray:
    """SplitMix64's next output (Steele, Lea and Flood 2014): neighbouring numbers become unrelated ones."""
    bits = bits + np.uint64(0x9E3779B97F4A7C15)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))
