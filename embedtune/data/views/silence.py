"""Signals: a stretch of them is silenced.

Source: Park et al. 2019, arXiv:1904.08779 (time masking), on samples instead of a spectrogram.
"""

import numpy as np

STRENGTH = 0.1


def alter(samples: np.ndarray, strength: float, draw: np.random.Generator) -> np.ndarray:
    """The samples (channels, samples) with a stretch of this share of them at each channel's mean."""
    length = max(1, round(strength * samples.shape[1]))
    start = int(draw.integers(samples.shape[1] - length + 1))
    altered = samples.copy()
    altered[:, start : start + length] = samples.mean(axis=1, keepdims=True)
    return altered
