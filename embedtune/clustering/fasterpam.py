"""K-medoids on a matrix of distances: swaps of a medoid with another item, as long as one lowers the total.

Source: Schubert and Rousseeuw 2021, Fast and eager k-medoids clustering (FasterPAM). Its usual package is GPL.
"""

from typing import NamedTuple

import numpy as np


class FoundMedoids(NamedTuple):
    """The chosen items (K,), and the sum of the distances of all items to the nearest of them."""

    medoids: np.ndarray
    loss: float


def best_medoids(distances: np.ndarray, k: int, *, seed: int = 0, starts: int = 10) -> FoundMedoids:
    """The best of several runs from random medoids.

    Bounds: no single swap of a medoid with another item lowers the loss.

    >>> best_medoids(np.abs(np.subtract.outer([0, 1, 2, 9, 10], [0, 1, 2, 9, 10])), 2).loss
    3.0

    Args:
        distances: (n, n), symmetric, with a zero diagonal.
        k: how many; at most n.
        seed: of the starts.
        starts: runs.
    """
    k = min(k, len(distances))
    draw = np.random.default_rng(seed)
    runs = [_swapped(distances, draw.permutation(len(distances))[:k]) for _ in range(starts)]
    return min(runs, key=lambda run: run.loss)


def _swapped(distances: np.ndarray, medoids: np.ndarray) -> FoundMedoids:
    """Take every improving swap, item after item, until a whole round brings none."""
    count, k = len(distances), len(medoids)
    medoids = medoids.copy()
    owner, near, second = _nearest_two(distances, medoids)
    item, unchanged = 0, 0
    while unchanged < count and k < count:
        if item not in medoids:
            gain, slot = _best_swap(distances[item], owner, near, second, k)
            if gain < -1e-12 * max(1.0, near.sum()):
                medoids[slot] = item
                owner, near, second = _nearest_two(distances, medoids)
                unchanged = 0
        item, unchanged = (item + 1) % count, unchanged + 1
    return FoundMedoids(np.sort(medoids), float(near.sum()))


def _best_swap(
    to_item: np.ndarray, owner: np.ndarray, near: np.ndarray, second: np.ndarray, k: int
) -> tuple[float, int]:
    """How much the loss changes, and the medoid to give up, if this item becomes a medoid.

    Args:
        to_item: distances (n,) to the item.
        owner: the nearest medoid of each item, by position (n,).
        near: the distance to it (n,).
        second: the distance to the second nearest (n,).
        k: medoids.
    """
    closer = to_item < near  # (n,) whose medoid it becomes, whichever goes
    shared = (to_item - near)[closer].sum()
    removed = np.where(closer, near - near, np.minimum(to_item, second) - near)  # (n,) if its own medoid goes
    change = shared + np.bincount(owner, weights=removed, minlength=k)  # (K,)
    slot = int(change.argmin())
    return float(change[slot]), slot


def _nearest_two(distances: np.ndarray, medoids: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The nearest medoid of each item by position, its distance, and that of the second nearest: (n,) each."""
    to = distances[:, medoids].astype(np.float64)  # (n, K)
    owner = to.argmin(axis=1)
    rows = np.arange(len(to))
    near = to[rows, owner].copy()
    to[rows, owner] = np.inf
    return owner, near, to.min(axis=1)
