"""Agreement of two judges beyond chance."""

from typing import NamedTuple

import numpy as np

CONFIDENCE = 0.95
DRAWS = 10_000


class Kappa(NamedTuple):
    """Cohen's kappa.

    Args:
        value: 1 for full agreement, 0 for that of chance; NaN where both judges gave all items one and the same label.
        interval: 95%, by bootstrap over items; NaN where the value is.
        items: judged by both.
        agreed: of them, those with the same label.
    """

    value: float
    interval: tuple[float, float]
    items: int
    agreed: int


def cohen_kappa(first: np.ndarray, second: np.ndarray, *, draws: int = DRAWS, seed: int = 0) -> Kappa:
    """Kappa of two judges who each gave every item one of two labels.

    Source: Cohen 1960. The interval is a percentile bootstrap; draws without any difference in labels are left out.
    Bounds: -1 to 1; 0 for judges that are independent.

    Args:
        first: (n,) bool, the labels of one judge.
        second: (n,) bool, those of the other.
        draws: of the bootstrap.
        seed: of the bootstrap.

    >>> cohen_kappa(np.array([True, False, True, False]), np.array([True, False, True, False])).value
    1.0
    """
    items = len(first)
    cells = np.bincount(2 * first.astype(int) + second.astype(int), minlength=4)  # (4,): neither, second, first, both
    value = float(_kappa(cells[None])[0])
    interval = (float("nan"), float("nan"))
    if items and not np.isnan(value):
        drawn = np.random.default_rng(seed).multinomial(items, cells / items, size=draws)  # (draws, 4)
        low, high = np.nanquantile(_kappa(drawn), [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
        interval = (float(low), float(high))
    return Kappa(value, interval, items, int(cells[0] + cells[3]))


def _kappa(cells: np.ndarray) -> np.ndarray:
    """Kappa of tables (r, 4): (r,), NaN where chance alone agrees always."""
    total = np.maximum(cells.sum(axis=1), 1)  # (r,)
    observed = (cells[:, 0] + cells[:, 3]) / total
    first, second = (cells[:, 2] + cells[:, 3]) / total, (cells[:, 1] + cells[:, 3]) / total
    chance = first * second + (1 - first) * (1 - second)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(chance < 1, (observed - chance) / (1 - chance), np.nan)
