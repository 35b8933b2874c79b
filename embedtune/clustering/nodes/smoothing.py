"""Vectors averaged over links: what a graph neural network does, without its learning."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array

HOPS = 10
"""Rounds of averaging with restart, after which a round changes nothing that matters (0.5^10)."""


def gcn_adjacency(graph: "csr_array") -> "csr_array":
    """D^-1/2 (W + I) D^-1/2, with D the degrees of W + I: sparse (n, n).

    Source: Kipf and Welling 2017, arXiv:1609.02907, equation 2.
    """
    from scipy.sparse import csr_array, diags_array, eye_array

    with_loops = csr_array(graph + eye_array(graph.shape[0]))
    scale = diags_array(1 / np.sqrt(np.asarray(with_loops.sum(axis=1)).ravel()))
    return csr_array(scale @ with_loops @ scale)


def mean_adjacency(graph: "csr_array") -> "csr_array":
    """Each row the shares of a node's neighbours: sparse (n, n); zeros for a node without any."""
    from scipy.sparse import csr_array, diags_array

    degrees = np.asarray(graph.sum(axis=1)).ravel()
    return csr_array(diags_array(np.divide(1, degrees, out=np.zeros_like(degrees), where=degrees > 0)) @ graph)


def smoothed(vectors: np.ndarray, graph: "csr_array", *, restart: float = 0.5, hops: int | None = None) -> np.ndarray:
    """Vectors mixed with those of linked nodes, of length 1: float32 (n, D).

    Args:
        vectors: (n, D).
        graph: (n, n) symmetric weights.
        restart: share of its own vector that a node keeps in each round; 0 averages freely.
        hops: rounds; None: `HOPS` with a restart, 2 without.
    """
    own = vectors.astype(np.float64)
    steps = gcn_adjacency(graph)
    mixed = own
    for _ in range((HOPS if restart else 2) if hops is None else hops):
        mixed = (1 - restart) * (steps @ mixed) + restart * own
    lengths = np.linalg.norm(mixed, axis=1, keepdims=True)  # (n, 1)
    return (mixed / np.maximum(lengths, 1e-12)).astype(np.float32)
