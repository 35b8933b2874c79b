"""Signals: the beginning moves to the end, as if the window had begun elsewhere.

Source: Le Guennec et al. 2016, hal-01357973 (window slicing); rolled rather than cut, so that the length stays.
"""

import numpy as np

STRENGTH = 1.0


def alter(samples: np.ndarray, strength: float, draw: np.random.Generator) -> np.ndarray:
    """The samples (channels, samples), all channels moved by the same number, up to this share of them."""
    most = max(1, round(strength * samples.shape[1]))
    return np.roll(samples, int(draw.integers(most)), axis=1)
