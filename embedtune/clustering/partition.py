"""What a method returns: a cluster for each item, numbered by size, so that numbers do not depend on the method."""

from dataclasses import dataclass

import numpy as np

NOISE = -1
"""The label of an item that is in no cluster."""


@dataclass(frozen=True)
class Partition:
    """Items divided into clusters.

    Args:
        labels: (n,) int64; 0 is the largest cluster, ties go to the earliest member, -1 is in none.
        objective: what the method minimised, lower is better; None where it minimises nothing.
    """

    labels: np.ndarray
    objective: float | None = None

    @property
    def k(self) -> int:
        """How many clusters there are, without noise."""
        return int(self.labels.max(initial=NOISE)) + 1

    @property
    def noise(self) -> int:
        """How many items are in no cluster."""
        return int((self.labels == NOISE).sum())

    @property
    def sizes(self) -> np.ndarray:
        """Items per cluster: (K,) int64, descending."""
        return np.bincount(self.labels[self.labels >= 0], minlength=self.k)


def partition(labels: np.ndarray, objective: float | None = None) -> Partition:
    """A partition from labels in any numbering, negative for noise; no cluster of it is empty.

    >>> partition(np.array([7, 3, 3, -1])).labels.tolist()
    [1, 0, 0, -1]
    """
    labels = np.asarray(labels, dtype=np.int64)
    clustered = labels >= 0
    names, first, inverse, sizes = np.unique(
        labels[clustered], return_index=True, return_inverse=True, return_counts=True
    )
    order = np.lexsort((first, -sizes))  # (K,)
    number = np.empty(len(names), dtype=np.int64)
    number[order] = np.arange(len(names))
    found = np.full(len(labels), NOISE, dtype=np.int64)  # (n,)
    found[clustered] = number[inverse]
    return Partition(found, objective)


def centroids(vectors: np.ndarray, labels: np.ndarray, k: int) -> np.ndarray:
    """The mean direction of each cluster: float32 (K, D), of length 1; zeros where the members cancel out.

    >>> centroids(np.array([[1.0, 0], [0, 1.0], [0, -1.0]]), np.array([0, 1, -1]), 2).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    sums = np.zeros((k, vectors.shape[1]))  # (K, D), float64 so that blocks do not change the last bits
    for start in range(0, len(vectors), _ROWS):
        part = labels[start : start + _ROWS]
        members = part >= 0
        np.add.at(sums, part[members], vectors[start : start + _ROWS][members].astype(np.float64))
    return (sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)).astype(np.float32)


_ROWS = 16_384
"""Vectors read at a time."""
