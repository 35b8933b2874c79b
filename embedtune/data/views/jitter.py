"""Signals: noise is added, its spread a share of the signal's own.

Source: Um et al. 2017, arXiv:1706.00527.
"""

import numpy as np

STRENGTH = 0.1


def alter(samples: np.ndarray, strength: float, draw: np.random.Generator) -> np.ndarray:
    """The samples (channels, samples) with normal noise of this share of each channel's standard deviation."""
    noise = draw.standard_normal(samples.shape) * samples.std(axis=1, keepdims=True)
    return (samples + strength * noise).astype(np.float32)
