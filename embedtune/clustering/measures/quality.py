"""How well separated clusters are, without labels. Such a number lives in its encoder's own space: it ranks partitions
of the same vectors, and never two encoders.
"""

from dataclasses import dataclass

import numpy as np

from embedtune.clustering.method import ClusterItems
from embedtune.clustering.partition import NOISE

SAMPLE = 4096
"""Items that a silhouette is measured on; more change its third digit."""


@dataclass(frozen=True)
class Separation:
    """Internal measures; None where there are fewer than two clusters.

    Args:
        silhouette: -1 to 1, the mean over items of how much nearer their own cluster is than the next.
        silhouette_error: its standard error, where it was measured on a sample; 0 otherwise.
        davies_bouldin: 0 or above, lower is better.
        calinski_harabasz: 0 or above, higher is better.
    """

    silhouette: float | None = None
    silhouette_error: float | None = None
    davies_bouldin: float | None = None
    calinski_harabasz: float | None = None


def separation(points: np.ndarray, labels: np.ndarray, *, seed: int = 0, metric: str = "cosine") -> Separation:
    """The internal measures of a partition; noise is left out.

    Args:
        points: (n, D); or distances (n, n) with metric "precomputed".
        labels: (n,), -1 for noise.
        seed: of the sample.
        metric: of the silhouette; the other two are Euclidean, and need points.
    """
    from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_samples

    chosen = np.flatnonzero(labels != NOISE)
    whole = len(chosen)
    if whole > SAMPLE:
        chosen = np.sort(np.random.default_rng(seed).choice(chosen, SAMPLE, replace=False))
    own = labels[chosen]
    if not 1 < len(np.unique(own)) < len(own):
        return Separation()
    part = points[chosen][:, chosen] if metric == "precomputed" else np.asarray(points[chosen], dtype=np.float64)
    values = silhouette_samples(part, own, metric=metric)
    error = float(values.std(ddof=1) / np.sqrt(len(values))) if whole > len(chosen) else 0.0
    if metric == "precomputed":
        return Separation(float(values.mean()), error)
    return Separation(
        float(values.mean()),
        error,
        float(davies_bouldin_score(part, own)),
        float(calinski_harabasz_score(part, own)),
    )


def separation_of(items: ClusterItems, labels: np.ndarray, *, seed: int = 0) -> Separation:
    """The internal measures of a partition of items, by their vectors, or else by the distances of their series."""
    if items.vectors is not None:
        return separation(items.vectors, labels, seed=seed)
    if items.distances is not None:
        return separation(items.distances, labels, seed=seed, metric="precomputed")
    return Separation()
