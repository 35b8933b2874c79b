"""Vectors along their directions of largest variance, for methods that many dimensions slow down or mislead."""

import numpy as np

DIRECTIONS = 50


def reduced(points: np.ndarray, directions: int = DIRECTIONS) -> np.ndarray:
    """The points along their main directions: (n, at most `directions`); as they are where they have no more.

    Columns are not scaled to equal variance: some columns of real encoders do not vary at all, and it gains nothing.
    """
    if points.shape[1] <= directions or len(points) <= directions:
        return points
    from sklearn.decomposition import PCA

    found: np.ndarray = PCA(directions, svd_solver="full").fit_transform(points)
    return np.ascontiguousarray(found, dtype=np.float32)
