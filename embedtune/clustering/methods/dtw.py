"""dtw: k-means of series under time warping, with barycentres as means.

Source: Petitjean, Ketterlin and Gancarski 2011 (DTW barycentre averaging).
"""

from collections.abc import Sequence

import numpy as np

from embedtune.clustering.method import ClusterItems, ClusterMethod, ClusterSettings
from embedtune.clustering.partition import Partition, partition
from embedtune.clustering.series.barycentre import barycentre_step
from embedtune.clustering.series.warping import distances_to

ROUNDS = 10
STEPS = 3
"""Steps of averaging per round."""


def fit(items: ClusterItems, settings: ClusterSettings) -> Partition:
    """Each series with its nearest barycentre; the objective is the mean squared warped distance to it."""
    runs = [_run(items.sequences, settings, start) for start in range(min(3, settings.starts))]
    return min(runs, key=lambda run: run.objective or 0.0)


def _run(series: Sequence[np.ndarray], settings: ClusterSettings, start: int) -> Partition:
    draw = np.random.default_rng([settings.seed, start])
    rows = list(series)
    means = _spread_out(rows, min(settings.demanded_k, len(rows)), draw, settings.band)
    labels = np.full(len(rows), -1)
    for _ in range(ROUNDS):
        distances = np.stack([distances_to(mean, rows, band=settings.band) for mean in means], axis=1)  # (n, K)
        new = distances.argmin(axis=1)
        if (new == labels).all():
            break
        labels = new
        for cluster in range(len(means)):
            members = [rows[place] for place in np.flatnonzero(labels == cluster)]
            for _ in range(STEPS if members else 0):
                means[cluster] = barycentre_step(means[cluster], members, band=settings.band)
    least = np.stack([distances_to(mean, rows, band=settings.band) for mean in means], axis=1)  # (n, K)
    return partition(least.argmin(axis=1), float((least.min(axis=1) ** 2).mean()))


def _spread_out(rows: list[np.ndarray], k: int, draw: np.random.Generator, band: float | None) -> list[np.ndarray]:
    """K different series to start from, by k-means++ on warped distances."""
    chosen = [int(draw.integers(len(rows)))]
    nearest = distances_to(rows[chosen[0]], rows, band=band) ** 2  # (n,)
    while len(chosen) < k:
        total = nearest.sum()
        free = np.setdiff1d(np.arange(len(rows)), chosen)
        place = int(draw.choice(len(rows), p=nearest / total)) if total > 0 else int(free[0])
        chosen.append(place)
        nearest = np.minimum(nearest, distances_to(rows[place], rows, band=band) ** 2)
    return [rows[place].copy() for place in chosen]


METHOD = ClusterMethod(
    fit, "k-means of series under time warping", takes="series", needs_k=True, most=2_000, instead="kshape"
)
