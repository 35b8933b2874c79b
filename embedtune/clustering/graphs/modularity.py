"""How good communities are as parts of a graph: modularity, cuts, conductance."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array


class Cuts(NamedTuple):
    """What lies between the parts of a graph.

    Args:
        cut: weight between different parts.
        ratio_cut: sum over parts of the weight that leaves it, by its number of nodes.
        normalised_cut: the same by its volume; a part of volume 0 adds nothing.
        conductance: for each part, the weight that leaves it by the smaller of its volume and that of the rest (K,).
        coverage: the share of all weight that is inside parts.
    """

    cut: float
    ratio_cut: float
    normalised_cut: float
    conductance: np.ndarray
    coverage: float


def modularity(graph: "csr_array", labels: np.ndarray, resolution: float = 1.0) -> float:
    """The share of weight inside parts, less what random edges between the same degrees would have there.

    Source: Newman 2006; the resolution is Reichardt and Bornholdt's. A loop of weight w counts w inside and 2 w in
    the degree of its node.
    Bounds: below 1; 0 for a single part at resolution 1. Not agreement with anything.

    Args:
        graph: (n, n) symmetric weights.
        labels: the part of each node (n,), 0 or above.
        resolution: multiplies what is expected by chance.
    """
    total, inside, volume = _sums(graph, labels)
    return 0.0 if total == 0 else float(inside.sum() / total - resolution * ((volume / (2 * total)) ** 2).sum())


def cuts(graph: "csr_array", labels: np.ndarray) -> Cuts:
    """What lies between the parts of a graph; arguments as for `modularity`."""
    total, inside, volume = _sums(graph, labels)
    sizes = np.bincount(labels)  # (K,)
    leaving = volume - 2 * inside  # (K,)
    smaller = np.minimum(volume, 2 * total - volume)  # (K,)
    return Cuts(
        cut=float(leaving.sum() / 2),
        ratio_cut=float((leaving / np.maximum(sizes, 1)).sum()),
        normalised_cut=float(_share(leaving, volume).sum()),
        conductance=_share(leaving, smaller),
        coverage=float(inside.sum() / total) if total else 0.0,
    )


def _sums(graph: "csr_array", labels: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """All weight, the weight inside each part (K,), and the sum of degrees of each part (K,)."""
    edges = graph.tocoo()
    weights = edges.data.astype(np.float64)
    rows, columns = edges.coords
    halves = np.where(rows == columns, weights, weights / 2)  # an edge is stored twice, a loop once
    same = labels[rows] == labels[columns]
    k = int(labels.max(initial=-1)) + 1
    inside = np.bincount(labels[rows[same]], weights=halves[same], minlength=k)
    degrees = np.where(rows == columns, 2 * weights, weights)
    return float(halves.sum()), inside, np.bincount(labels[rows], weights=degrees, minlength=k)


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
