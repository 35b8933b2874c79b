"""What more data would bring: more pairs to learn from, and more test queries to judge by."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from embedtune.evaluation.verdicts.paired_tests import DETECTABLE, bootstrap_interval


@dataclass(frozen=True)
class LearningCurve:
    """Scores by number of training pairs, and what doubling them would bring.

    Args:
        pairs: how many pairs were trained on, ascending.
        means: mean score with each number.
        doubling: expected gain of twice as many pairs, if the curve goes on as it went.
        interval: 95% bootstrap interval of that gain, over queries.
    """

    pairs: tuple[int, ...]
    means: tuple[float, ...]
    doubling: float
    interval: tuple[float, float]

    @property
    def sentence(self) -> str:
        """What it says, in words."""
        low, high = self.interval
        if low <= 0 <= high:
            return f"More pairs: no effect shown (twice the pairs {self.doubling:+.4f}, {low:+.4f} to {high:+.4f})."
        return f"Twice the pairs would bring about {self.doubling:+.4f} ({low:+.4f} to {high:+.4f})."


def learning_curve(scores: Mapping[int, np.ndarray], *, seed: int = 0) -> LearningCurve:
    """Fit a line over the logarithm of the number of pairs, query by query.

    The slope of each query is by least squares, so that the bootstrap over queries keeps what their curves share. Noise
    of the training seed is not in the interval: one run per number of pairs cannot show it.

    Args:
        scores: number of pairs -> (Q,) score of each query.
        seed: of the bootstrap.

    Raises:
        ValueError: fewer than two numbers of pairs.

    >>> learning_curve({100: np.array([0.1, 0.2]), 400: np.array([0.3, 0.4])}).doubling
    0.1
    """
    if len(scores) < 2:
        raise ValueError("a curve needs two numbers of pairs or more")
    pairs = sorted(scores)
    doublings = np.log2(np.array(pairs, dtype=np.float64))  # (N,)
    values = np.stack([scores[number] for number in pairs])  # (N, Q)
    centred = doublings - doublings.mean()
    slopes = centred @ values / (centred @ centred)  # (Q,)
    return LearningCurve(
        pairs=tuple(pairs),
        means=tuple(round(float(own.mean()), 6) for own in values),
        doubling=round(float(slopes.mean()), 6),
        interval=bootstrap_interval(slopes, seed=seed),
    )


def queries_to_see(differences: np.ndarray, effect: float) -> int:
    """How many queries a paired test needs to find a true difference of `effect` 4 times out of 5.

    Source: the normal approximation, solved for the number of queries: (z * sd / effect)^2.

    Args:
        differences: (n,) per-query differences of two systems like those to be compared.
        effect: the true mean difference, > 0.

    Returns: their number; 0 where the two systems hardly differ, which says nothing about systems that do.

    >>> queries_to_see(np.array([0.1, -0.1] * 50), 0.01), queries_to_see(np.zeros(100), 0.01)
    (793, 0)
    """
    spread = float(np.std(differences, ddof=1)) if len(differences) > 1 else 0.0
    return math.ceil((DETECTABLE * spread / effect) ** 2) if spread >= effect else 0
