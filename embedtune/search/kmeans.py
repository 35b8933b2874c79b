"""k-means by cosine, with FAISS; no cluster is left empty."""

import numpy as np

ITERATIONS = 20


def spherical_kmeans(vectors: np.ndarray, number: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Centroids of length 1 and the cluster of each vector: float32 (K, D), int64 (n,).

    A cluster left empty gets the vector farthest from its own centroid, taken from a cluster that keeps others.

    >>> clusters = spherical_kmeans(np.array([[1, 0], [2, 0.1], [0, 1]], dtype=np.float32), 2)[1]
    >>> bool(clusters[0] == clusters[1] != clusters[2])
    True

    Args:
        vectors: (n, D), of any length.
        number: K; at most as many as there are vectors.
        seed: of the first centroids.
    """
    import faiss

    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)  # (n, 1)
    unit = np.ascontiguousarray(vectors / np.where(lengths > 0, lengths, 1), dtype=np.float32)  # (n, D)
    number = min(number, len(unit))
    # FAISS draws a sample above max_points_per_centroid and complains below min_points_per_centroid.
    kmeans = faiss.Kmeans(
        unit.shape[1],
        number,
        niter=ITERATIONS,
        seed=seed,
        spherical=True,
        min_points_per_centroid=1,
        max_points_per_centroid=1024,
    )
    kmeans.train(unit)
    nearness, found = kmeans.index.search(unit, 1)  # (n, 1), (n, 1)
    return np.asarray(kmeans.centroids), _filled(found[:, 0].astype(np.int64), nearness[:, 0], number)


def _filled(clusters: np.ndarray, nearness: np.ndarray, number: int) -> np.ndarray:
    """The clusters (n,), changed so that each of the K has a member."""
    sizes = np.bincount(clusters, minlength=number)  # (K,)
    farthest = iter(np.argsort(nearness, kind="stable").tolist())
    for empty in np.flatnonzero(sizes == 0):
        row = next(row for row in farthest if sizes[clusters[row]] > 1)
        sizes[clusters[row]] -= 1
        clusters[row], sizes[empty] = empty, 1
    return clusters
