"""Dynamic time warping: the distance of two series whose time may be stretched, for many pairs at once.

All pairs of a block move along the anti-diagonals of their cost matrices together, so that NumPy does the work; a
cell depends on earlier cells only, so shorter series are padded and their result is read where they end.

Source: Sakoe and Chiba 1978. For series of unequal lengths the band is widened towards the longer one, as tslearn and
dtaidistance do; the plain rule |i - j| <= r has no path there.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

_CELLS = 2**16
"""Numbers of one anti-diagonal in a block; more would not fit in the processor's cache."""


class PaddedSeries(NamedTuple):
    """Series of one block: float64 (B, length, channels) ending in zeros, and their own lengths (B,)."""

    values: np.ndarray
    lengths: np.ndarray


def all_distances(series: Sequence[np.ndarray], *, band: float | None = None) -> np.ndarray:
    """Between all series: float64 (n, n), symmetric, 0 on the diagonal.

    Args:
        series: n arrays (length, channels); one path serves all channels.
        band: most that a warp may shift, as a share of the longer series.
    """
    count = len(series)
    rows, columns = np.triu_indices(count, 1)
    padded = padded_series(series)
    found = np.zeros((count, count))
    width = padded.values.shape[1] * padded.values.shape[2]
    at_once = max(1, _CELLS // width)
    for start in range(0, len(rows), at_once):
        part = slice(start, start + at_once)
        one, other = (_chosen(padded, places[part]) for places in (rows, columns))
        found[rows[part], columns[part]] = warped(one, other, radii_of(one, other, band))
    return found + found.T


def distances_to(center: np.ndarray, series: Sequence[np.ndarray], *, band: float | None = None) -> np.ndarray:
    """From one series to many: float64 (n,)."""
    padded, middle = padded_series(series), center[None]  # (1, length, channels)
    at_once = max(1, _CELLS // (max(len(center), padded.values.shape[1]) * center.shape[1]))
    found = []
    for start in range(0, len(series), at_once):
        other = _chosen(padded, np.arange(start, min(start + at_once, len(series))))
        lengths = np.full(len(other.lengths), len(center))
        one = PaddedSeries(np.broadcast_to(middle, (len(lengths), *center.shape)), lengths)
        found.append(warped(one, other, radii_of(one, other, band)))
    return np.concatenate(found)


def warped(one: PaddedSeries, other: PaddedSeries, radii: np.ndarray | None = None) -> np.ndarray:
    """The warped distance of each pair: float64 (B,), the root of the least sum of squared differences.

    Bounds: 0 for equal series; infinity never, since a band always reaches the last corner.
    """
    lasts = accumulated(one, other, radii, keep=False)
    return np.sqrt(lasts)


def accumulated(
    one: PaddedSeries, other: PaddedSeries, radii: np.ndarray | None = None, *, keep: bool = True
) -> np.ndarray:
    """The least squared cost up to each cell: (B, N, M), or only at the corner of each pair (B,).

    Args:
        one: B series, at most N long.
        other: B series, at most M long.
        radii: of the band of each pair (B,); None: no band.
        keep: all cells, for a path.
    """
    pairs, height, width = len(one.lengths), one.values.shape[1], other.values.shape[1]
    backwards = other.values[:, ::-1]  # (B, M, channels)
    table = np.full((pairs, height, width), np.inf) if keep else np.empty((pairs, 0, 0))
    corner = np.empty(pairs)
    ends = one.lengths + other.lengths - 2  # (B,) the anti-diagonal of each corner
    previous = np.full((pairs, height + 1), np.inf)  # row i at i + 1, so that row -1 is infinite
    before = np.full((pairs, height + 1), np.inf)
    for diagonal in range(height + width - 1):
        low, high = max(0, diagonal - width + 1), min(diagonal, height - 1) + 1
        first = width - 1 - (diagonal - low)  # column j of row i is at width - 1 - j, ascending with i
        gaps = one.values[:, low:high] - backwards[:, first : first + high - low]
        cost = np.einsum("bic,bic->bi", gaps, gaps)  # (B, rows)
        if diagonal:
            best = np.minimum(previous[:, low + 1 : high + 1], previous[:, low:high])
            cost += np.minimum(best, before[:, low:high])
        if radii is not None:
            cost[_outside(one.lengths, other.lengths, radii, np.arange(low, high), diagonal)] = np.inf
        now = np.full((pairs, height + 1), np.inf)
        now[:, low + 1 : high + 1] = cost
        done = ends == diagonal
        corner[done] = now[done, one.lengths[done]]
        if keep:
            rows = np.arange(low, high)
            table[:, rows, diagonal - rows] = cost
        previous, before = now, previous
    return table if keep else corner


def _outside(heights: np.ndarray, widths: np.ndarray, radii: np.ndarray, rows: np.ndarray, diagonal: int) -> np.ndarray:
    """Cells of an anti-diagonal that lie outside the band of their pair: bool (B, rows)."""
    shift = (diagonal - 2 * rows)[None]  # (1, rows): j - i
    low = -radii - np.maximum(0, heights - widths)
    high = radii + np.maximum(0, widths - heights)
    return (shift < low[:, None]) | (shift > high[:, None])


def path_steps(
    table: np.ndarray, one: np.ndarray, other: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """The cells of the cheapest path of every pair, from the last to the first: pairs, rows and columns of each step.

    A pair whose path is done is in no further step. Of equal ways back, the diagonal one is taken.

    Args:
        table: (B, N, M) accumulated costs.
        one: (B,) lengths.
        other: (B,) lengths.
    """
    pairs, i, j = np.arange(len(table)), one - 1, other - 1
    while len(pairs):
        yield pairs, i, j
        left = (i > 0) | (j > 0)
        pairs, i, j = pairs[left], i[left], j[left]
        up, back = np.maximum(i - 1, 0), np.maximum(j - 1, 0)
        ways = np.stack([table[pairs, up, back], table[pairs, up, j], table[pairs, i, back]])  # (3, b)
        ways[1:, (i == 0) | (j == 0)] = np.inf  # at an edge there is one way, which the first entry is
        best = ways.argmin(axis=0)
        i, j = np.where(best == 2, i, up), np.where(best == 1, j, back)


def padded_series(series: Sequence[np.ndarray]) -> PaddedSeries:
    """Series as one block, with their lengths."""
    lengths = np.array([len(one) for one in series])
    values = np.zeros((len(series), int(lengths.max()), series[0].shape[1]))
    for place, one in enumerate(series):
        values[place, : len(one)] = one
    return PaddedSeries(values, lengths)


def _chosen(padded: PaddedSeries, places: np.ndarray) -> PaddedSeries:
    lengths = padded.lengths[places]
    return PaddedSeries(padded.values[places, : lengths.max()], lengths)


def radii_of(one: PaddedSeries, other: PaddedSeries, band: float | None) -> np.ndarray | None:
    """Steps that each warp may shift (B,): a share of the longer series; None where any is allowed."""
    return None if band is None else np.ceil(band * np.maximum(one.lengths, other.lengths)).astype(int)
