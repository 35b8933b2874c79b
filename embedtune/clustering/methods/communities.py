"""communities: groups of the graph of nearest neighbours, or of links, with more edges inside than chance would give.

Source: Blondel et al. 2008 (Louvain), as networkx has it. A community that fell apart is split into its connected
pieces, which can only raise modularity (Traag, Waltman and van Eck 2019 describe the fault).
"""

from embedtune.clustering.graphs.louvain import louvain
from embedtune.clustering.graphs.modularity import modularity
from embedtune.clustering.graphs.neighbours import nearest_graph
from embedtune.clustering.method import ClusterItems, ClusterMethod, ClusterSettings
from embedtune.clustering.partition import Partition, partition

MOST = 50_000
"""Items above which communities are found among the centroids of small k-means clusters."""


def fit(items: ClusterItems, settings: ClusterSettings) -> Partition:
    """Communities of the links, or of nearest neighbours; the objective is minus the modularity."""
    if items.vectors is not None and len(items) > MOST:
        return _over_centroids(items, settings)
    graph = items.nearest(settings)
    labels = louvain(graph, settings.resolution, settings.seed)
    return partition(labels, -modularity(graph, labels, settings.resolution))


def _over_centroids(items: ClusterItems, settings: ClusterSettings) -> Partition:
    """Communities of small clusters; coarser than those of the items at the same resolution."""
    small = items.small_clusters
    graph = nearest_graph(small.centroids, settings.neighbours, memory_bytes=settings.memory_bytes)
    labels = louvain(graph, settings.resolution, settings.seed)
    return partition(labels[small.clusters], -modularity(graph, labels, settings.resolution))


METHOD = ClusterMethod(fit, "groups of nearest neighbours; finds their number, which --resolution moves")
