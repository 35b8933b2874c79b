"""Distances of series by shape, wherever it lies in time, and the shape that series have in common.

Source: Paparrizos and Gravano 2015, k-Shape (SIGMOD). Several channels are shifted together, as tslearn does.
"""

from collections.abc import Sequence

import numpy as np

_ROWS = 4096
"""Series compared with the shapes at a time."""


def znormalised(rows: np.ndarray) -> np.ndarray:
    """Series (n, length, channels) with mean 0 and standard deviation 1 (population); a constant one is all zeros."""
    centred = rows - rows.mean(axis=-2, keepdims=True)
    deviation = centred.std(axis=-2, keepdims=True)
    return np.divide(centred, deviation, out=np.zeros_like(centred), where=deviation > 1e-12)


def padded(series: Sequence[np.ndarray]) -> np.ndarray:
    """Series as one array, shorter ones ending in zeros: float64 (n, length, channels)."""
    rows = np.zeros((len(series), max(len(one) for one in series), series[0].shape[1]))
    for place, one in enumerate(series):
        rows[place, : len(one)] = one
    return rows


def shape_distances(rows: np.ndarray, shapes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """1 - the largest normalised cross-correlation, and the shift that reaches it: (n, K) float64, (n, K) int64.

    A positive shift moves the row to the right, onto the shape, with zeros coming in.
    Bounds: 0 for a shifted copy without loss at its ends, 2 for its negative; 1 where either is all zeros.

    Args:
        rows: (n, length, channels).
        shapes: (K, length, channels).
    """
    length = rows.shape[1]
    size = 1 << (2 * length - 1).bit_length()
    turned = np.conj(np.fft.rfft(rows, size, axis=1))  # (n, F, channels)
    wanted = np.fft.rfft(shapes, size, axis=1)  # (K, F, channels)
    norms = np.linalg.norm(rows, axis=(1, 2))[:, None] * np.linalg.norm(shapes, axis=(1, 2))  # (n, K)
    best, shift = np.empty(norms.shape), np.empty(norms.shape, dtype=np.int64)
    for start in range(0, len(rows), _ROWS):
        part = slice(start, start + _ROWS)
        for one, transform in enumerate(wanted):
            products = np.fft.irfft((turned[part] * transform).sum(axis=2), size, axis=1)  # (b, size)
            by_shift = np.concatenate([products[:, size - length + 1 :], products[:, :length]], axis=1)
            place = by_shift.argmax(axis=1)
            best[part, one] = by_shift[np.arange(len(place)), place]
            shift[part, one] = place - length + 1
    return 1 - np.divide(best, norms, out=np.zeros_like(best), where=norms > 1e-12), shift


def shifted(rows: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    """Each series (length, channels) moved to the right by its shift, left where it is negative, zeros coming in."""
    moved = np.zeros_like(rows)
    length = rows.shape[1]
    for place, shift in enumerate(shifts.tolist()):
        start, end = max(0, shift), min(length, length + shift)
        moved[place, start:end] = rows[place, start - shift : end - shift]
    return moved


def extract_shape(members: np.ndarray, before: np.ndarray) -> np.ndarray:
    """The shape most correlated with the members, once they are shifted onto the shape before: (length, channels).

    The members are taken as they are after the shift; the authors' code z-normalises them again. Its sign is that under
    which the first member is nearer to it than to its negative.

    Args:
        members: (n, length, channels).
        before: (length, channels); a shape of zeros shifts nothing.
    """
    aligned = members
    if np.abs(before).max() > 1e-12:
        aligned = shifted(members, shape_distances(members, before[None])[1][:, 0])
    channels = [_shape_of(aligned[:, :, channel]) for channel in range(aligned.shape[2])]
    return np.stack(channels, axis=1)


def _shape_of(rows: np.ndarray) -> np.ndarray:
    """One channel's shape: (length,), z-normalised."""
    length = rows.shape[1]
    centred = rows - rows.mean(axis=1, keepdims=True)  # the matrix Q S Q of the paper, from rows centred at once
    shape = np.linalg.eigh(centred.T @ centred)[1][:, -1]
    if ((rows[0] - shape) ** 2).sum() > ((rows[0] + shape) ** 2).sum():
        shape = -shape
    return np.asarray(znormalised(shape.reshape(1, length, 1))[0, :, 0])
