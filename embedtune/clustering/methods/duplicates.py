"""duplicates: groups of near copies, joined by a cosine at or above a threshold.

Whoever is near nobody is in no group. Copies of copies end in one group, so look at the largest before you trust it.
"""

import numpy as np
from scipy.sparse.csgraph import connected_components

from embedtune.clustering.method import ClusterItems, ClusterMethod, ClusterSettings
from embedtune.clustering.partition import NOISE, Partition, partition


def fit(items: ClusterItems, settings: ClusterSettings) -> Partition:
    """The connected pieces of the graph of neighbours at or above `threshold`; items alone are noise."""
    graph = items.nearest(settings).copy()
    graph.data[graph.data < np.float32(settings.threshold)] = 0
    graph.eliminate_zeros()
    labels = connected_components(graph, directed=False)[1].astype(np.int64)  # (n,)
    labels[np.bincount(labels)[labels] == 1] = NOISE
    return partition(labels)


METHOD = ClusterMethod(fit, "groups of near copies at a cosine of --threshold", seeded=False, most=100_000)
