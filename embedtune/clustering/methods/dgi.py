"""dgi: vectors of nodes learned from links and vectors by Deep Graph Infomax, then clustered as vectors.

It needs vectors that tell nodes apart: on links alone it finds nothing.
Source: Velickovic et al. 2019, arXiv:1809.10341.
"""

from dataclasses import replace

from embedtune.clustering.method import ClusterItems, ClusterMethod, ClusterSettings
from embedtune.clustering.methods import communities, kmeans
from embedtune.clustering.nodes.infomax import learned
from embedtune.clustering.partition import Partition


def fit(items: ClusterItems, settings: ClusterSettings) -> Partition:
    """k-means of the learned vectors where K is given, communities otherwise."""
    vectors = learned(items.points, items.graph, seed=settings.seed)
    method = communities if settings.k is None else kmeans
    return method.fit(replace(items, vectors=vectors, links=None), settings)


METHOD = ClusterMethod(
    fit, "vectors learned from links (Deep Graph Infomax)", takes="vectors and links", most=50_000, instead="smooth"
)
