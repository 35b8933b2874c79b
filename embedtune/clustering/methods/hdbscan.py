"""hdbscan: dense regions at every scale; whatever is in none of them is noise.

Source: Campello, Moulavi and Sander 2013; scikit-learn's HDBSCAN, on the 50 directions of largest variance, since
distances in hundreds of dimensions are nearly equal and take ten times as long.
"""

import numpy as np

from embedtune.clustering.method import ClusterItems, ClusterMethod, ClusterSettings
from embedtune.clustering.partition import Partition, partition
from embedtune.clustering.principal import reduced


def fit(items: ClusterItems, settings: ClusterSettings) -> Partition:
    """Clusters of at least `least` members; items in none of them are noise."""
    from sklearn.cluster import HDBSCAN

    if len(items) <= settings.least:
        return partition(np.full(len(items), -1))
    return partition(HDBSCAN(min_cluster_size=settings.least, copy=True).fit_predict(reduced(items.points)))


METHOD = ClusterMethod(fit, "dense regions, and noise between them", seeded=False, most=20_000)
