"""spectral: cuts the graph of nearest neighbours (or of links) where the fewest edges are lost.

Source: Ng, Jordan and Weiss 2002 (normalised cuts); Damle, Minden and Ying 2019 (`cluster_qr`, which has no seed);
Amini et al. 2013 (the regularised Laplacian, for graphs in several pieces).
"""

from embedtune.clustering.graphs.laplacian import spectral_labels
from embedtune.clustering.method import ClusterItems, ClusterMethod, ClusterSettings
from embedtune.clustering.partition import Partition, partition


def fit(items: ClusterItems, settings: ClusterSettings) -> Partition:
    """The K parts of the graph; deterministic."""
    return partition(spectral_labels(items.nearest(settings), settings.demanded_k))


METHOD = ClusterMethod(
    fit, "cuts the graph of nearest neighbours into K parts", needs_k=True, seeded=False, most=20_000
)
