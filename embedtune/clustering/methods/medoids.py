"""medoids: K items, such that all others are near one of them; for series by time warping, for vectors by cosine.

A medoid is an item that exists, so a distance is all that it needs.
Source: Schubert and Rousseeuw 2021, FasterPAM; Holder, Middlehurst and Bagnall 2024 find it better than k-means for
every distance between series.
"""

import numpy as np

from embedtune.clustering.fasterpam import best_medoids
from embedtune.clustering.method import ClusterItems, ClusterMethod, ClusterSettings
from embedtune.clustering.partition import Partition, partition
from embedtune.clustering.series.warping import all_distances


def fit(items: ClusterItems, settings: ClusterSettings) -> Partition:
    """Each item with its nearest medoid; the objective is the mean distance to it."""
    distances = distances_of(items, settings)
    found = best_medoids(distances, settings.demanded_k, seed=settings.seed, starts=settings.starts)
    return partition(distances[:, found.medoids].argmin(axis=1), found.loss / len(distances))


def distances_of(items: ClusterItems, settings: ClusterSettings) -> np.ndarray:
    """Between all items: float64 (n, n), of series by time warping, of vectors 1 - cosine."""
    if items.distances is not None:
        return items.distances
    if items.series is not None:
        return all_distances(items.series, band=settings.band)
    points = items.points.astype(np.float64)
    distances = np.maximum(1 - points @ points.T, 0)  # (n, n)
    np.fill_diagonal(distances, 0)
    return distances


METHOD = ClusterMethod(
    fit,
    "K items that all others are near to, by time warping",
    takes="series",
    needs_k=True,
    most=1_000,
    instead="kshape",
)
