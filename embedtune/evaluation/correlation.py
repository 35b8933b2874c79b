"""Correlation with human scores, how certain it is, and whether one system's is higher than another's."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from embedtune.evaluation.tasks.items import DRAWS, bootstrap
from embedtune.evaluation.verdicts.paired_tests import DETECTABLE

_AT_ONCE = 2**21  # random bits unpacked at a time


@dataclass(frozen=True)
class Ties:
    """Values with their ties, so that ranking any resample of them needs no further sort.

    Args:
        values: (n,).
    """

    values: np.ndarray

    def ranks(self, counts: np.ndarray) -> np.ndarray:
        """Average ranks (b, n) within b resamples, in which item i occurs `counts[:, i]` times (b, n)."""
        inside = np.add.reduceat(counts[:, self._order], self._starts, axis=1)  # (b, G) items of each distinct value
        middle = np.cumsum(inside, axis=1) - (inside - 1) / 2  # (b, G)
        return middle[:, self._group]  # (b, n)

    @cached_property
    def average_ranks(self) -> np.ndarray:
        """Ranks from 1 (n,); tied values share their mean rank.

        >>> Ties(np.array([0.5, 0.1, 0.5])).average_ranks.tolist()
        [2.5, 1.0, 2.5]
        """
        return self.ranks(np.ones((1, len(self.values))))[0]  # (n,)

    @cached_property
    def _order(self) -> np.ndarray:
        return np.argsort(self.values, kind="stable")  # (n,)

    @cached_property
    def _group(self) -> np.ndarray:
        return np.unique(self.values, return_inverse=True)[1]  # (n,) which distinct value each one is

    @cached_property
    def _starts(self) -> np.ndarray:
        return np.unique(self.values[self._order], return_index=True)[1]  # (G,)


def pearson(a: np.ndarray, b: np.ndarray, counts: np.ndarray | None = None) -> np.ndarray:
    """The linear correlation of two columns, or of each of several resamples of them.

    Source: Pearson 1895.
    Bounds: -1 to 1; 0 where either side is constant: a system that cannot tell pairs apart earns nothing.

    Args:
        a: (n,) or (b, n).
        b: (n,) or (b, n).
        counts: (b, n) how often each item occurs in a resample; None: once.

    Returns: () or (b,).

    >>> float(pearson(np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, 6.0])))
    1.0
    """
    weights = np.ones(np.shape(a)[-1:]) if counts is None else counts  # (n,) or (b, n)
    x, y = _centred(a, weights), _centred(b, weights)  # (..., n) each
    together, own, other = ((weights * one * two).sum(axis=-1) for one, two in ((x, y), (x, x), (y, y)))  # (...)
    return _ratio(together, own, other)


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    """The correlation of ranks, where tied values share their mean rank, as scipy computes it.

    Source: Spearman 1904. Bounds: as `pearson`; 1 when both sides order all items alike.

    >>> spearman(np.array([0.1, 0.2, 0.9]), np.array([1.0, 2.0, 5.0]))
    1.0
    """
    return float(pearson(Ties(a).average_ranks, Ties(b).average_ranks))


def contributions(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """What each item adds to the linear correlation of two columns (n,); their mean is the correlation.

    They allow comparing correlations item by item, as means are compared. For ranks this is a first-order
    approximation: the ranks are taken as given, although each depends on the other items.

    Source: Devlin, Gnanadesikan and Kettenring 1975, the influence function of the correlation plus the
        correlation itself.
    """
    x, y = (one - one.mean() for one in (a, b))  # (n,) each
    own, other = x.std(), y.std()
    if own <= 1e-14 * abs(a).max() or other <= 1e-14 * abs(b).max():
        return np.zeros(len(a))
    x, y = x / own, y / other
    together = (x * y).mean()
    return x * y - together / 2 * (x**2 + y**2) + together


def resampled_spearman(a: Ties, b: Ties, *, seed: int, draws: int = DRAWS) -> np.ndarray:
    """Spearman's correlation of resampled items (draws,), ranked again in each; one seed draws the same items."""
    return bootstrap(
        len(a.values), lambda counts: pearson(a.ranks(counts), b.ranks(counts), counts), seed=seed, draws=draws
    )


def swapped_spearman(a: np.ndarray, b: np.ndarray, truth: np.ndarray, *, draws: int = 10_000, seed: int = 0) -> float:
    """The two-sided p-value of the difference of two systems' rank correlations with the truth.

    The two systems are swapped item by item, by a coin toss. Their scores have no common scale (cosines and BM25), so
    their ranks are swapped instead.

    Source: Deutsch, Dror and Roth 2021, arXiv:2104.00054, PERM-INPUTS, with ranks instead of their standardized scores;
        the observed assignment counts as one draw (Phipson and Smyth 2010), so p is never 0.
    Bounds: 1 / (draws + 1) to 1; 1 when both rank all items alike, and with fewer than two items.

    Args:
        a: (n,) scores of the first system.
        b: (n,) of the second.
        truth: (n,) human scores.
        draws: random swaps.
        seed: of the draws.
    """
    ours, theirs, ideal = (one - one.mean() for one in (Ties(v).average_ranks for v in (a, b, truth)))  # (n,) each
    moving = np.flatnonzero(ours != theirs)
    if len(a) < 2 or not len(moving):
        return 1.0
    first = np.stack([ours, ours**2, ours * ideal], axis=1)  # (n, 3) all that a correlation with the truth sums
    second = np.stack([theirs, theirs**2, theirs * ideal], axis=1)  # (n, 3)
    both, change = first.sum(axis=0) + second.sum(axis=0), (second - first)[moving]  # (3,), (m, 3)
    spread = float(ideal @ ideal)

    def difference(sums: np.ndarray) -> np.ndarray:
        """The second system's correlation minus the first's, from sums (b, 3) of the first."""
        return _of_sums(both - sums, spread, len(a)) - _of_sums(sums, spread, len(a))  # (b,)

    # Sums of the same numbers in another order differ in their last bits; those must count as equal, not as smaller.
    observed = abs(difference(first.sum(axis=0)[None])[0]) - 1e-9
    rng, as_large = np.random.default_rng(seed), 0
    size = max(1, _AT_ONCE // len(moving))
    for start in range(0, draws, size):
        rows = min(size, draws - start)
        bits = np.unpackbits(rng.integers(0, 256, (rows, -(-len(moving) // 8)), dtype=np.uint8), axis=1)
        sums = first.sum(axis=0) + bits[:, : len(moving)] @ change  # (b, 3)
        as_large += int((np.abs(difference(sums)) >= observed).sum())
    return (as_large + 1) / (draws + 1)


def smallest_effect(differences: np.ndarray) -> float:
    """The smallest true difference that a test would find 4 times out of 5, by the spread of bootstrap differences."""
    return float(DETECTABLE * differences.std())


def _centred(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Values minus their mean (..., n); exactly 0 where all are equal, even if their mean is off in its last bit."""
    mean = (weights * values).sum(axis=-1, keepdims=True) / weights.sum(axis=-1, keepdims=True)
    rest = values - mean  # (..., n)
    return np.where(np.abs(rest) > 1e-14 * np.abs(mean), rest, 0.0)


def _of_sums(sums: np.ndarray, spread: float, count: int) -> np.ndarray:
    """Correlations (b,) from sums (b, 3) of values, their squares, and their products with the centred truth."""
    own = sums[:, 1] - sums[:, 0] ** 2 / count  # (b,)
    return _ratio(sums[:, 2], own, np.full(own.shape, spread))


def _ratio(together: np.ndarray, own: np.ndarray, other: np.ndarray) -> np.ndarray:
    product = np.sqrt(np.maximum(own, 0.0) * np.maximum(other, 0.0))
    return np.clip(np.divide(together, product, out=np.zeros(np.shape(product)), where=product > 0), -1.0, 1.0)
