"""kshape: k-means of series by their shape, wherever it lies; fast, by Fourier transforms.

Source: Paparrizos and Gravano 2015. The shifted members are taken as they are, as the paper says.
"""

import numpy as np

from embedtune.clustering.method import ClusterItems, ClusterMethod, ClusterSettings
from embedtune.clustering.partition import Partition, partition
from embedtune.clustering.series.shape import extract_shape, padded, shape_distances, znormalised

ROUNDS = 50


def fit(items: ClusterItems, settings: ClusterSettings) -> Partition:
    """Each series with its nearest shape; the objective is the mean distance to it. Shorter series end in zeros."""
    rows = padded(items.sequences)  # (n, length, channels)
    runs = [_run(rows, settings, start) for start in range(settings.starts)]
    return min(runs, key=lambda run: run.objective or 0.0)


def _run(rows: np.ndarray, settings: ClusterSettings, start: int) -> Partition:
    draw = np.random.default_rng([settings.seed, start])
    k = min(settings.demanded_k, len(rows))
    labels = draw.integers(k, size=len(rows))
    shapes = znormalised(rows[draw.choice(len(rows), k, replace=False)])  # (K, length, channels)
    distances = np.ones((len(rows), k))
    for turn in range(ROUNDS):
        if turn:
            shapes = np.stack([_shape(rows[labels == one], shapes[one]) for one in range(k)])
        distances, _ = shape_distances(rows, shapes)  # (n, K)
        new = _filled(distances.argmin(axis=1), distances)
        if turn and (new == labels).all():
            break
        labels = new
    return partition(labels, float(distances[np.arange(len(rows)), labels].mean()))


def _shape(members: np.ndarray, before: np.ndarray) -> np.ndarray:
    return extract_shape(members, before) if len(members) else before


def _filled(labels: np.ndarray, distances: np.ndarray) -> np.ndarray:
    """The labels (n,), with the series farthest from its shape in each cluster that is empty."""
    own = distances[np.arange(len(labels)), labels]
    for empty in np.setdiff1d(np.arange(distances.shape[1]), labels):
        sizes = np.bincount(labels, minlength=distances.shape[1])
        place = int(np.where(sizes[labels] > 1, own, -1).argmax())
        labels[place], own[place] = empty, -1
    return labels


METHOD = ClusterMethod(fit, "k-means of series by shape, wherever it lies", takes="series", needs_k=True)
