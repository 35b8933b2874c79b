"""minibatch: k-means on one small batch after another, for more vectors than k-means has time for.

Source: Sculley 2010, Web-scale k-means clustering; scikit-learn's MiniBatchKMeans.
"""

from embedtune.clustering.method import ClusterItems, ClusterMethod, ClusterSettings
from embedtune.clustering.partition import Partition, partition

BATCH = 1024
STARTS = 3


def fit(items: ClusterItems, settings: ClusterSettings) -> Partition:
    """Clusters around centroids; the objective is the mean squared distance to the centroid."""
    from sklearn.cluster import MiniBatchKMeans

    points = items.points
    model = MiniBatchKMeans(
        settings.demanded_k, batch_size=BATCH, n_init=min(STARTS, settings.starts), random_state=settings.seed
    )
    labels = model.fit_predict(points)
    return partition(labels, float(model.inertia_) / len(points))


METHOD = ClusterMethod(fit, "k-means on small batches: faster, a little worse", needs_k=True)
