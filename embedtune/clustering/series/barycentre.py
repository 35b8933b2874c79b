"""The mean of series under time warping."""

from collections.abc import Sequence

import numpy as np

from embedtune.clustering.series.warping import PaddedSeries, accumulated, padded_series, path_steps, radii_of

_AT_ONCE = 64
"""Members warped at a time."""


def barycentre_step(center: np.ndarray, members: Sequence[np.ndarray], *, band: float | None = None) -> np.ndarray:
    """A better mean: each of its points becomes the mean of all points that warping puts on it.

    Source: Petitjean, Ketterlin and Gancarski 2011 (DBA). The mean keeps its length.
    Bounds: the sum of squared warped distances to the members never rises.

    Args:
        center: (length, channels).
        members: arrays (length, channels).
        band: most that a warp may shift, as a share of the longer series.
    """
    sums, counts = np.zeros_like(center, dtype=np.float64), np.zeros(len(center))
    for start in range(0, len(members), _AT_ONCE):
        other = padded_series(members[start : start + _AT_ONCE])
        lengths = np.full(len(other.lengths), len(center))
        one = PaddedSeries(np.broadcast_to(center[None], (len(lengths), *center.shape)), lengths)
        table = accumulated(one, other, radii_of(one, other, band))  # (B, N, M)
        for pairs, i, j in path_steps(table, one.lengths, other.lengths):
            np.add.at(sums, i, other.values[pairs, j])
            counts += np.bincount(i, minlength=len(center))
    return sums / counts[:, None]
