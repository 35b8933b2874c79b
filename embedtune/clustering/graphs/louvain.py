"""Louvain communities by networkx, those that fell apart split into their pieces."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array


def louvain(graph: "csr_array", resolution: float = 1.0, seed: int = 0) -> np.ndarray:
    """The community of each node: int64 (n,); every community is connected.

    Source: Blondel et al. 2008, arXiv:0803.0476, by networkx.

    Args:
        graph: (n, n) symmetric weights.
        resolution: more than 1 for more communities.
        seed: of the order in which nodes move.
    """
    import networkx

    # Nodes first and by number: networkx takes them in the order in which they were added.
    built = networkx.from_scipy_sparse_array(graph.astype(np.float64), edge_attribute="weight")
    found = networkx.community.louvain_communities(built, weight="weight", resolution=resolution, seed=seed)
    labels = np.empty(graph.shape[0], dtype=np.int64)
    for number, members in enumerate(sorted(found, key=min)):
        labels[list(members)] = number
    return split_pieces(graph, labels)


def split_pieces(graph: "csr_array", labels: np.ndarray) -> np.ndarray:
    """Labels (n,) under which every part is connected: each connected piece of a part is a part of its own."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    edges = graph.tocoo()
    rows, columns = edges.coords
    same = labels[rows] == labels[columns]
    inner = csr_array((np.ones(int(same.sum())), (rows[same], columns[same])), shape=graph.shape)
    return connected_components(inner, directed=False)[1].astype(np.int64)
