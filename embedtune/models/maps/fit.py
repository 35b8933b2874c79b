"""Fits a map between two spaces from texts whose vectors are known in both; the best kind by texts held out.

What was rejected: choosing by the error of the texts it was fitted on, which always prefers the map with most numbers.
"""

from dataclasses import dataclass

import numpy as np

from embedtune.models.maps.correction import fit_correction
from embedtune.models.maps.space_map import MapKind, SpaceMap

RIDGES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""Ridge penalties that are tried, as shares of the mean eigenvalue."""
HELD_OUT = 0.1
CLEARLY = 0.002
"""A map of more numbers must give a mean cosine higher by this to be preferred."""


@dataclass(frozen=True)
class FittedMap:
    """A map and what it was chosen by.

    Args:
        cosines: kind -> mean cosine of mapped and true vectors of held-out texts.
        fitted_on: how many texts it was fitted on.
        held_out: how many it was chosen by.
    """

    found: SpaceMap
    cosines: dict[MapKind, float]
    fitted_on: int
    held_out: int


def fit_map(source: np.ndarray, target: np.ndarray, kind: MapKind | None, *, seed: int) -> FittedMap:
    """The map from source to target vectors of the same texts.

    Args:
        source: (n, D) of length 1.
        target: (n, G) of length 1.
        kind: which kind; None: the best of all on held-out texts.
        seed: of what is held out, and of the correction.
    """
    order = np.random.default_rng(seed).permutation(len(source))
    held = order[: max(1, int(HELD_OUT * len(order)))]
    rest = order[len(held) :]
    x, y, probe, truth = source[rest], target[rest], source[held], target[held]
    maps: list[SpaceMap] = []
    if kind in (None, "procrustes"):
        maps.append(procrustes(x, y))
    if kind != "procrustes":
        straight = linear(x, y, probe, truth)
        maps += [straight] if kind in (None, "linear") else []
        maps += [fit_correction(straight, x, y, probe, truth, seed=seed)] if kind in (None, "mlp") else []
    cosines = {one.kind: agreement(one, probe, truth) for one in maps}
    best = maps[0]
    for one in maps[1:]:
        best = one if cosines[one.kind] > cosines[best.kind] + CLEARLY else best
    return FittedMap(best, cosines, len(rest), len(held))


def procrustes(source: np.ndarray, target: np.ndarray) -> SpaceMap:
    """The turn or reflection that brings source (n, D) nearest to target (n, G): all distances within a space stay.

    Source: Schoenemann 1966; with fewer dimensions on one side, the nearest matrix with orthonormal columns or rows.
    """
    left, _, right = np.linalg.svd(source.astype(np.float64).T @ target.astype(np.float64), full_matrices=False)
    return SpaceMap("procrustes", (left @ right).astype(np.float32))


def linear(source: np.ndarray, target: np.ndarray, probe: np.ndarray, truth: np.ndarray) -> SpaceMap:
    """The matrix of least squares with the ridge that suits held-out texts (h, D) and (h, G) best.

    Source: Hoerl and Kennard 1970; one eigendecomposition serves all penalties.
    """
    x = source.astype(np.float64)
    values, vectors = np.linalg.eigh(x.T @ x)  # (D,), (D, D)
    turned = vectors.T @ (x.T @ target.astype(np.float64))  # (D, G)
    found = [
        SpaceMap("linear", (vectors @ (turned / (values + share * values.mean())[:, None])).astype(np.float32))
        for share in RIDGES
    ]
    return max(found, key=lambda one: agreement(one, probe, truth))


def agreement(found: SpaceMap, source: np.ndarray, target: np.ndarray) -> float:
    """The mean cosine of mapped and true vectors."""
    return float(np.einsum("ng,ng->n", found(source).astype(np.float64), target.astype(np.float64)).mean())
