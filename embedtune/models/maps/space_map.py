"""A map between two spaces of unit vectors: a matrix, and for `mlp` a small correction in between."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

MapKind = Literal["procrustes", "linear", "mlp"]


@dataclass(frozen=True)
class SpaceMap:
    """A map that gives vectors of length 1: x W + relu(x A) B, scaled.

    Args:
        kind: how it was found.
        weight: W, (D, G) float32.
        inner: A, (D, R) float32; None without a correction.
        outer: B, (R, G) float32; None without a correction.
    """

    kind: MapKind
    weight: np.ndarray
    inner: np.ndarray | None = None
    outer: np.ndarray | None = None

    def __call__(self, vectors: np.ndarray) -> np.ndarray:
        """Vectors (n, D) in the other space: (n, G) float32 of length 1.

        >>> turn = SpaceMap("procrustes", np.array([[0, 1], [1, 0]], dtype=np.float32))
        >>> turn(np.array([[3.0, 4.0]], dtype=np.float32)).round(3).tolist()
        [[0.800000011920929, 0.6000000238418579]]
        """
        mapped = vectors @ self.weight  # (n, G)
        if self.inner is not None and self.outer is not None:
            mapped = mapped + np.maximum(vectors @ self.inner, 0) @ self.outer
        return unit(mapped).astype(np.float32, copy=False)

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """Name -> array, as they are saved."""
        known = {"weight": self.weight, "inner": self.inner, "outer": self.outer}
        return {name: array for name, array in known.items() if array is not None}


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors (n, D) scaled to length 1; zeros stay zeros."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1)
