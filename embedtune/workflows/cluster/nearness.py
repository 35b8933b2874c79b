"""How near each item is to its own cluster, and to the next: what shows examples and doubts."""

from dataclasses import dataclass

import numpy as np

from embedtune.clustering.method import ClusterItems
from embedtune.clustering.partition import NOISE, centroids

_ROWS = 16_384


@dataclass(frozen=True)
class Nearness:
    """Items and their clusters.

    Args:
        similarity: cosine to the centroid of the own cluster (n,); NaN for noise and where there are no vectors.
        margin: by how much it is nearer to its own cluster than to the next (n,): a difference of cosines for vectors,
            of mean distances over the larger for series; NaN where there is no other cluster.
        centroids: float32 (K, D); None where there are no vectors.
        between: similarity of clusters (K, K); None where it is not known.
    """

    similarity: np.ndarray
    margin: np.ndarray
    centroids: np.ndarray | None = None
    between: np.ndarray | None = None


def nearness(items: ClusterItems, labels: np.ndarray) -> Nearness:
    """By the centroids of vectors, or the distances of series; nothing is known of nodes alone."""
    k = int(labels.max(initial=NOISE)) + 1
    if k and items.vectors is not None:
        return _by_vectors(items.vectors, labels, k)
    if k and items.distances is not None:
        return _by_distances(items.distances, labels, k)
    unknown = np.full(len(labels), np.nan)
    return Nearness(unknown, unknown)


def _by_vectors(vectors: np.ndarray, labels: np.ndarray, k: int) -> Nearness:
    middles = centroids(vectors, labels, k)  # (K, D)
    similarity, margin = np.full(len(labels), np.nan), np.full(len(labels), np.nan)
    for start in range(0, len(labels), _ROWS):
        own = labels[start : start + _ROWS]
        clustered = np.flatnonzero(own != NOISE)
        if not len(clustered):
            continue
        cosines = np.asarray(vectors[start : start + _ROWS], dtype=np.float32)[clustered] @ middles.T  # (b, K)
        rows = np.arange(len(clustered))
        similarity[start + clustered] = cosines[rows, own[clustered]]
        if k > 1:
            cosines[rows, own[clustered]] = -np.inf
            margin[start + clustered] = similarity[start + clustered] - cosines.max(axis=1)
    return Nearness(similarity, margin, middles, middles @ middles.T)


def _by_distances(distances: np.ndarray, labels: np.ndarray, k: int) -> Nearness:
    member = np.stack([labels == one for one in range(k)], axis=1).astype(np.float64)  # (n, K)
    sizes = member.sum(axis=0)
    means = distances @ member / np.maximum(sizes, 1)  # (n, K)
    margin = np.full(len(labels), np.nan)
    clustered = np.flatnonzero(labels != NOISE)
    if k > 1 and len(clustered):
        own = means[clustered, labels[clustered]]
        others = means[clustered].copy()
        others[np.arange(len(clustered)), labels[clustered]] = np.inf
        margin[clustered] = (others.min(axis=1) - own) / np.maximum(np.maximum(others.min(axis=1), own), 1e-12)
    between = -(member.T @ means) / np.maximum(sizes, 1)[:, None]  # (K, K) minus the mean distance
    return Nearness(np.full(len(labels), np.nan), margin, None, between)
