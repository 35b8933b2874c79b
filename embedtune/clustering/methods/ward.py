"""ward: joins the two clusters whose union adds the least to the squared distances, until K are left.

Source: Ward 1963; scikit-learn's AgglomerativeClustering.
"""

import numpy as np

from embedtune.clustering.method import ClusterItems, ClusterMethod, ClusterSettings
from embedtune.clustering.partition import Partition, partition


def fit(items: ClusterItems, settings: ClusterSettings) -> Partition:
    """The K clusters at which joining stops; deterministic."""
    from sklearn.cluster import AgglomerativeClustering

    if len(items) < 2:
        return partition(np.zeros(len(items)))
    return partition(AgglomerativeClustering(settings.demanded_k, linkage="ward").fit_predict(items.points))


METHOD = ClusterMethod(fit, "joins the nearest clusters until K are left", needs_k=True, seeded=False, most=20_000)
