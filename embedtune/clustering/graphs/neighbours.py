"""The graph of nearest neighbours: each item joined to those with the largest cosine."""

from typing import TYPE_CHECKING

import numpy as np

from embedtune.search.dense import top_k

if TYPE_CHECKING:
    from scipy.sparse import csr_array


def nearest_graph(vectors: np.ndarray, k: int, *, memory_bytes: int = 2**30) -> "csr_array":
    """The union graph of the k nearest: either is among the nearest of the other.

    Scores are summed in float64 (`search.dense`), so that the graph depends neither on threads nor on blocks.
    """
    return joined(*neighbours(vectors, k, memory_bytes=memory_bytes))


def neighbours(vectors: np.ndarray, k: int, *, memory_bytes: int = 2**30) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest of each item without itself, nearest first: places (n, k) int64 and cosines (n, k) float32."""
    k = min(k, len(vectors) - 1)
    if k < 1:
        return np.empty((len(vectors), 0), dtype=np.int64), np.empty((len(vectors), 0), dtype=np.float32)
    scores, places = top_k(vectors, vectors, k + 1, memory_bytes=memory_bytes)  # (n, k + 1)
    own = places == np.arange(len(vectors))[:, None]
    own[~own.any(axis=1), -1] = True  # more than k copies of an item: it is not among its own nearest
    return places[~own].reshape(len(vectors), k), scores[~own].reshape(len(vectors), k)


def joined(places: np.ndarray, scores: np.ndarray, *, mutual: bool = False) -> "csr_array":
    """Neighbours as a symmetric graph with weights max(0, cosine): sparse float32 (n, n) without a diagonal.

    Args:
        places: (n, k) the nearest of each item.
        scores: (n, k) their cosines.
        mutual: keep an edge only where each is among the nearest of the other; such graphs fall apart easily.
    """
    from scipy.sparse import csr_array

    count, k = places.shape
    shape = (count, count)
    one_way = csr_array((np.maximum(scores.ravel(), 0), (np.repeat(np.arange(count), k), places.ravel())), shape=shape)
    graph = one_way.minimum(one_way.T) if mutual else one_way.maximum(one_way.T)
    graph = csr_array(graph)
    graph.eliminate_zeros()
    graph.sort_indices()
    return graph
