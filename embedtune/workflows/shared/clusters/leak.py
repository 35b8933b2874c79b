"""How much a random split leaks, against one by whole clusters: held-out texts that a training text nearly repeats."""

import numpy as np

from embedtune.clustering.measures.agreement import each_alone
from embedtune.clustering.method import ClusterItems
from embedtune.reports.results.cluster import ClusterLeak
from embedtune.search.dense import top_k

THRESHOLD = 0.9
"""Cosine from which a held-out text counts as nearly repeated."""
HELD_OUT = 0.1
MOST = 20_000
"""Items that the shares are measured on at most."""


def leak_of(items: ClusterItems, labels: np.ndarray, *, seed: int = 0) -> ClusterLeak | None:
    """The shares under both splits; None where there are no vectors or fewer than two clusters.

    Args:
        items: the distinct ones.
        labels: their clusters (n,), -1 for none: such items are a cluster of their own each.
        seed: of both splits.
    """
    if items.vectors is None or len(np.unique(labels)) < 2 or len(labels) < 20:
        return None
    draw = np.random.default_rng(seed)
    chosen = np.sort(draw.choice(len(labels), MOST, replace=False)) if len(labels) > MOST else np.arange(len(labels))
    vectors = np.asarray(items.vectors[chosen], dtype=np.float32)
    clusters = np.unique(each_alone(labels[chosen]), return_inverse=True)[1]
    wanted = int(np.ceil(HELD_OUT * len(chosen)))
    random = np.zeros(len(chosen), dtype=bool)
    random[draw.permutation(len(chosen))[:wanted]] = True
    whole = _whole_clusters(clusters, wanted, draw)
    if whole.all():
        return None
    return ClusterLeak(THRESHOLD, _share(vectors, random), _share(vectors, whole))


def _whole_clusters(clusters: np.ndarray, wanted: int, draw: np.random.Generator) -> np.ndarray:
    """Which items are held out, if clusters are taken at random until there are enough: bool (n,)."""
    sizes = np.bincount(clusters)
    order = draw.permutation(len(sizes))
    number = int(np.searchsorted(np.cumsum(sizes[order]), wanted)) + 1
    return np.isin(clusters, order[:number])


def _share(vectors: np.ndarray, held: np.ndarray) -> float:
    """The share of held-out items with another item at the threshold or nearer."""
    scores, _ = top_k(vectors[held], vectors[~held], 1)  # (h, 1)
    return float((scores[:, 0] >= THRESHOLD).mean())
