"""kmeans: k-means by cosine, from several k-means++ starts of which the best is kept.

Source: Dhillon and Modha 2001 (spherical k-means); Arthur and Vassilvitskii 2007 (k-means++); FAISS does the work.
"""

from embedtune.clustering.method import ClusterItems, ClusterMethod, ClusterSettings
from embedtune.clustering.partition import Partition, partition
from embedtune.search.kmeans import best_kmeans


def fit(items: ClusterItems, settings: ClusterSettings) -> Partition:
    """Clusters around centroids; the objective is the mean of 1 - cosine to the centroid."""
    vectors = items.points if items.vectors is None else items.vectors
    found = best_kmeans(vectors, settings.demanded_k, seed=settings.seed, starts=settings.starts)
    return partition(found.clusters, 1.0 - found.cosine)


METHOD = ClusterMethod(fit, "k-means by cosine, the best of several starts", needs_k=True)
