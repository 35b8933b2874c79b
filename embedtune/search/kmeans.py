"""k-means by cosine, with FAISS: started by k-means++, the best of several runs, no cluster left empty.

It learns from a sample of a large set and reads the rest in blocks, so that vectors may be a memory map of any size.
"""

from typing import NamedTuple

import numpy as np

from embedtune.search.dense import refuse_not_finite

ITERATIONS = 20
_PER_CENTROID = 1024
"""Vectors per centroid that are learned from; more change a centroid less than another seed does."""
_MOST = 131_072
"""Vectors that are learned from at most."""
_START_FROM = 20_000
"""Vectors that the starting points are drawn from."""
_ROWS = 16_384
"""Vectors assigned at a time."""


class FoundClusters(NamedTuple):
    """Clusters of vectors.

    Args:
        centroids: float32 (K, D), of length 1.
        clusters: the cluster of each vector: int64 (n,).
        cosine: the mean cosine of a vector and its centroid.
    """

    centroids: np.ndarray
    clusters: np.ndarray
    cosine: float


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
    found = best_kmeans(vectors, number, seed=seed, starts=1)
    return found.centroids, found.clusters


def best_kmeans(
    vectors: np.ndarray, number: int, *, seed: int = 0, starts: int = 10, rounds: int = ITERATIONS
) -> FoundClusters:
    """The run with the highest mean cosine, of several from different k-means++ starts.

    Ten starts gain more than most other methods do: on 3,080 banking questions the adjusted Rand index rises by 0.03.

    Args:
        vectors: (n, D), of any length; may be a memory map.
        number: K; at most as many as there are vectors.
        seed: of the starts.
        starts: how many runs.
        rounds: of moving the centroids.
    """
    refuse_not_finite(vectors, "text", _ROWS * 4 * vectors.shape[1])
    number = min(number, len(vectors))
    draw = np.random.default_rng(seed)
    sample = _unit(vectors[_chosen(len(vectors), min(_PER_CENTROID * number, _MOST), draw)])  # (m, D)
    runs = [_run(sample, number, int(draw.integers(2**31)), rounds) for _ in range(starts)]
    centroids, _ = max(runs, key=lambda run: run[1])
    clusters, nearness = _assigned(vectors, centroids)
    return FoundClusters(centroids, _filled(clusters, nearness, number), float(nearness.mean(dtype=np.float64)))


def plus_plus(points: np.ndarray, number: int, draw: np.random.Generator) -> np.ndarray:
    """Rows of points to start from: int64 (K,).

    Each is drawn by its squared distance to those before. Of a few that are drawn, the one is taken that leaves the
    least distance: without this, ten starts are no better than one of scikit-learn, which does the same.

    Source: Arthur and Vassilvitskii 2007, k-means++: the advantages of careful seeding.
    """
    tried = 2 + int(np.log(number))
    rows = [int(draw.integers(len(points)))]
    nearest = squared_distances(points, points[rows])[0]  # (n,)
    while len(rows) < number:
        odds = nearest.cumsum()
        if odds[-1] <= 0:  # every point is chosen or a copy, so any other will do
            rows += np.setdiff1d(np.arange(len(points)), rows)[: number - len(rows)].tolist()
            break
        drawn = np.searchsorted(odds, draw.random(tried) * odds[-1], side="right").clip(max=len(points) - 1)  # (t,)
        left = np.minimum(squared_distances(points, points[drawn]), nearest)  # (t, n)
        best = int(left.sum(axis=1).argmin())
        rows.append(int(drawn[best]))
        nearest = left[best]
    return np.array(rows, dtype=np.int64)


def squared_distances(points: np.ndarray, some: np.ndarray) -> np.ndarray:
    """From some points (t, D) to all (n, D): float64 (t, n)."""
    squares = np.einsum("nd,nd->n", points, points, dtype=np.float64)  # (n,)
    own = np.einsum("td,td->t", some, some, dtype=np.float64)  # (t,)
    return np.maximum(squares + own[:, None] - 2.0 * (some @ points.T), 0)


def _run(sample: np.ndarray, number: int, seed: int, rounds: int) -> tuple[np.ndarray, float]:
    """Centroids (K, D) of one run, and the mean cosine of the sample to them."""
    import faiss

    draw = np.random.default_rng(seed)
    first = sample[_chosen(len(sample), max(_START_FROM, 4 * number), draw)]
    # FAISS draws a sample above max_points_per_centroid and complains below min_points_per_centroid.
    kmeans = faiss.Kmeans(
        sample.shape[1],
        number,
        niter=rounds,
        seed=seed,
        spherical=True,
        min_points_per_centroid=1,
        max_points_per_centroid=max(1, len(sample)),
    )
    kmeans.train(sample, init_centroids=first[plus_plus(first, number, draw)])
    centroids = np.asarray(kmeans.centroids)
    return centroids, float(_assigned(sample, centroids)[1].mean(dtype=np.float64))


def _assigned(vectors: np.ndarray, centroids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The nearest centroid of each vector, and its cosine: int64 (n,), float32 (n,)."""
    import faiss

    index = faiss.IndexFlatIP(centroids.shape[1])
    index.add(centroids)
    clusters = np.empty(len(vectors), dtype=np.int64)
    nearness = np.empty(len(vectors), dtype=np.float32)
    for start in range(0, len(vectors), _ROWS):
        part = slice(start, start + _ROWS)
        scores, found = index.search(_unit(vectors[part]), 1)  # (b, 1), (b, 1)
        clusters[part], nearness[part] = found[:, 0], scores[:, 0]
    return clusters, nearness


def _unit(vectors: np.ndarray) -> np.ndarray:
    """The vectors at length 1: float32 (n, D); a zero vector stays zero."""
    unit = np.array(vectors, dtype=np.float32, order="C")  # one copy, changed in place
    lengths = np.linalg.norm(unit, axis=1, keepdims=True)  # (n, 1)
    unit /= np.where(lengths > 0, lengths, 1)
    return unit


def _chosen(count: int, most: int, draw: np.random.Generator) -> np.ndarray:
    """Rows to learn from, ascending; all where there are no more than `most`."""
    return np.arange(count) if count <= most else np.sort(draw.choice(count, most, replace=False))


def _filled(clusters: np.ndarray, nearness: np.ndarray, number: int) -> np.ndarray:
    """The clusters (n,), changed so that each of the K has a member."""
    sizes = np.bincount(clusters, minlength=number)  # (K,)
    farthest = iter(np.argsort(nearness, kind="stable").tolist())
    for empty in np.flatnonzero(sizes == 0):
        row = next(row for row in farthest if sizes[clusters[row]] > 1)
        sizes[clusters[row]] -= 1
        clusters[row], sizes[empty] = empty, 1
    return clusters
