"""Are two encoders the same for the purpose? A test that small differences pass and an empty hand does not.

A test for a difference calls everything equal that it cannot tell apart, which few queries always are. Here it is the
other way round: equality has to be shown.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy import stats

from embedtune.evaluation.metrics import metric_label

BOUND, LEVEL = 0.005, 0.05


@dataclass(frozen=True)
class Equivalence:
    """What a paired equivalence test found; prints itself as `sentence`.

    Args:
        metric: such as "ndcg@10".
        queries: how many were compared.
        before, after: means of the first and of the second.
        difference: after - before.
        interval: 90% interval of the difference, which lies within the bounds exactly where both tests reject.
        bound: of differences that do not matter.
        p_value: the larger of the two one-sided tests'.
        equivalent: whether p < 0.05.
    """

    metric: str
    queries: int
    before: float
    after: float
    difference: float
    interval: tuple[float, float]
    bound: float
    p_value: float
    equivalent: bool

    @property
    def sentence(self) -> str:
        """The finding in words."""
        low, high = self.interval
        word = "Equivalent" if self.equivalent else "Equivalence was not shown"
        return (
            f"{word}: {metric_label(self.metric)} {self.before:.4f} before and {self.after:.4f} after "
            f"({self.difference:+.4f}, 90% interval {low:+.4f} to {high:+.4f}; it must lie within ±{self.bound:g}) "
            f"over {self.queries:,} queries."
        )

    def as_dict(self) -> dict[str, Any]:
        """Everything, the sentence included, ready for JSON."""
        return {**asdict(self), "interval": list(self.interval), "sentence": self.sentence}


def compare_equivalent(before: np.ndarray, after: np.ndarray, *, metric: str, bound: float = BOUND) -> Equivalence:
    """Two one-sided paired t-tests: is the mean difference within the bounds?

    Source: Schuirmann 1987 (TOST). Means over hundreds of queries are close to normal.
    Bounds: p is 0 where no query differs at all.

    Args:
        before: (n,) per-query values of the first.
        after: (n,) per-query values of the second, in the same order.
        metric: what was measured.
        bound: the largest difference that does not matter.

    Raises:
        ValueError: the two differ in length, so they cannot be paired.

    >>> same = compare_equivalent(np.linspace(0, 1, 50), np.linspace(0, 1, 50), metric="ndcg@10")
    >>> same.equivalent, same.interval
    (True, (0.0, 0.0))
    """
    if np.shape(before) != np.shape(after):
        raise ValueError(f"paired values must have the same length, not {len(before)} and {len(after)}")
    differences = np.asarray(after, dtype=np.float64) - np.asarray(before, dtype=np.float64)
    n, mean = len(differences), float(differences.mean()) if len(differences) else 0.0
    error = float(differences.std(ddof=1) / np.sqrt(n)) if n > 1 else float("inf")
    if n < 2:
        p_value, interval = 1.0, (-1.0, 1.0)
    elif error == 0:
        p_value, interval = float(abs(mean) >= bound), (mean, mean)
    else:
        p_value = float(stats.t.sf((bound - abs(mean)) / error, n - 1))
        half = float(stats.t.ppf(1 - LEVEL, n - 1)) * error
        interval = (mean - half, mean + half)
    return Equivalence(
        metric=metric,
        queries=n,
        before=float(np.mean(before)) if n else 0.0,
        after=float(np.mean(after)) if n else 0.0,
        difference=mean,
        interval=interval,
        bound=bound,
        p_value=p_value,
        equivalent=p_value < LEVEL,
    )
