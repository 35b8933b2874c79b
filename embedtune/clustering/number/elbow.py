"""Where a curve of inertia bends: the point farthest below the straight line between its ends."""

import numpy as np

CLEAR = 0.1
"""Distance below the chord, on a logarithmic axis of K, from which a bend is called an elbow: 12 clear blobs have 0.30,
real intents 0.02. A power law has none there."""


def chord_distances(k: np.ndarray, inertia: np.ndarray) -> np.ndarray:
    """How far each point lies below the chord, both axes scaled to 0 to 1: float64 (n,); 0 on a straight line.

    Source: Satopaa et al. 2011 (Kneedle) scale alike; the distance is vertical.
    """
    along = (k - k[0]) / (k[-1] - k[0])
    drop = inertia[0] - inertia[-1]
    if drop <= 0:
        return np.zeros(len(k))
    return np.asarray((1 - along) - (inertia - inertia[-1]) / drop)


def farthest_below(k: np.ndarray, inertia: np.ndarray) -> tuple[int, float]:
    """The K farthest below the chord, and its distance."""
    distances = chord_distances(np.asarray(k, dtype=np.float64), np.asarray(inertia, dtype=np.float64))
    place = int(distances.argmax())
    return int(k[place]), float(distances[place])


def elbow(k: np.ndarray, inertia: np.ndarray) -> int | None:
    """The K at the elbow; None where there is none.

    Both axes must agree: on a plain axis of K a power law seems to have an elbow, wherever the grid ends, and is
    straight when both axes are logarithmic.
    """
    k, inertia = np.asarray(k, dtype=np.float64), np.asarray(inertia, dtype=np.float64)
    if len(k) < 3 or inertia.min() <= 0:
        return None
    _, on_logs = farthest_below(np.log(k), np.log(inertia))
    distances = chord_distances(np.log(k), inertia)
    place = int(distances.argmax())
    return int(k[place]) if min(on_logs, float(distances[place])) >= CLEAR else None
