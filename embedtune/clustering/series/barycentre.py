"""The mean of series under time warping."""

from collections.abc import Sequence

import numpy as np

from embedtune.clustering.series.warping import PaddedSeries, accumulated, paths, radius_of


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
    for member in members:
        one = PaddedSeries(center[None], np.array([len(center)]))
        other = PaddedSeries(member[None], np.array([len(member)]))
        radius = radius_of(len(center), len(member), band)
        table = accumulated(one, other, None if radius is None else np.array([radius]))
        [path] = paths(table, one.lengths, other.lengths)
        np.add.at(sums, path[:, 0], member[path[:, 1]])
        counts += np.bincount(path[:, 0], minlength=len(center))
    return sums / counts[:, None]
