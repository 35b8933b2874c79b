"""The spectrum of a signal as numbers: what the default signal tower reads.

On bearings that were never trained on, these numbers and a small network are far ahead of convolutions over raw
samples (docs/signals.md has the measurement). Gain and offset do not change them.
"""

import numpy as np

BANDS, LINES = 128, 128
"""Bands of the spectrum, and lines of the envelope's spectrum, per channel."""
SEGMENT = 2048
"""Samples of a segment at most; longer signals are averaged over segments that overlap by half (Welch)."""
FLOOR, ENVELOPE_FLOOR = 1e-4, 1.0
"""Added to each power before the logarithm, where a signal of variance 1 has a mean power of 2 per line. That of the
envelope is high, so that only lines that stand out of its noise count."""
ENVELOPE_WEIGHT = 2.0
"""By which the logarithms of the envelope's lines are multiplied. Their high floor leaves them less spread than the
bands, which would decide alone; but how often something strikes is what bearings with the same fault share."""


def spectrum(samples: np.ndarray) -> np.ndarray:
    """The log power of a signal by frequency band, and that of its envelope line by line.

    Each channel is scaled to mean 0 and variance 1. Its power spectrum, up to half the sampling rate, is averaged in
    128 bands of equal width. Its envelope, the magnitude of the analytic signal, shows how often something strikes: the
    128 lowest lines of its spectrum follow, it too at mean 0 and variance 1. Natural logarithms of both, those of the
    lines twice.

    Source: Welch 1967 for the spectrum; Randall and Antoni 2011, doi:10.1016/j.ymssp.2010.07.017, for the envelope.
    Bounds: bands from log(1e-4), lines from 0 upwards; a constant signal has these values.

    Args:
        samples: (channels, samples).

    Returns: float32 (channels * 256,), fewer where a signal has fewer than 258 samples.
    """
    return np.concatenate([_of_channel(channel) for channel in np.asarray(samples, dtype=np.float64)]).astype(
        np.float32
    )


def _of_channel(values: np.ndarray) -> np.ndarray:
    from scipy.signal import hilbert

    unit = _unit(values)
    envelope = _unit(np.abs(np.asarray(hilbert(unit))))
    bands = np.array([band.mean() for band in np.array_split(_power(unit), min(BANDS, _lines(unit)))])
    lines = ENVELOPE_WEIGHT * np.log(_power(envelope)[:LINES] + ENVELOPE_FLOOR)
    return np.concatenate([np.log(bands + FLOOR), lines])


def _unit(values: np.ndarray) -> np.ndarray:
    """Values at mean 0 and variance 1; of a constant, zeros."""
    centred = values - values.mean()
    spread = float(centred.std())
    return centred / spread if spread > 1e-9 * float(np.abs(values).max()) else np.zeros_like(centred)


def _power(values: np.ndarray) -> np.ndarray:
    """The power of each line of the spectrum but the first, which is the mean."""
    from scipy.signal import welch

    return np.asarray(welch(values, nperseg=min(SEGMENT, len(values)))[1])[1:]


def _lines(values: np.ndarray) -> int:
    return min(SEGMENT, len(values)) // 2
