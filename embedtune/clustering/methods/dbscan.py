"""dbscan: items with enough neighbours above a cosine, and what they reach; the rest is noise.

Source: Ester et al. 1996; scikit-learn's DBSCAN. The radius at the knee of the distances to the nearest, often
proposed, was rejected: it puts nearly all texts of real corpora into one cluster.
"""

import numpy as np

from embedtune.clustering.method import ClusterItems, ClusterMethod, ClusterSettings
from embedtune.clustering.partition import Partition, partition


def dense_regions(points: np.ndarray, radius: float, least: int) -> np.ndarray:
    """The region of each point, -1 for noise: int64 (n,). A point counts among its own `least` neighbours."""
    from sklearn.cluster import DBSCAN

    labels: np.ndarray = DBSCAN(eps=radius, min_samples=least).fit_predict(points)
    return labels


def fit(items: ClusterItems, settings: ClusterSettings) -> Partition:
    """Regions whose members have `least` neighbours with a cosine of `threshold` or more."""
    radius = float(np.sqrt(2 - 2 * settings.threshold))  # between vectors of length 1 with this cosine
    return partition(dense_regions(items.points, radius, settings.least))


METHOD = ClusterMethod(fit, "regions denser than a cosine says, and noise", seeded=False, most=20_000)
