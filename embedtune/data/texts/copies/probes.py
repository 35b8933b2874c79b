"""The windows by which texts are recognised in others, and lists of windows to look them up in.

A text's probes are one window of letters from each of 16 equal parts, the rarest of the part, so that what many texts
share (a template, a disclaimer) counts little.
"""

from typing import NamedTuple

import numpy as np

from embedtune.data.texts.copies.windows import Windows

_PROBES = 16
_MOST_SHARING = 300  # texts per window; more frequent ones are not looked up
_TABLE = 22  # bits of a table of hashes


class WindowLists:
    """Windows and the texts that they are of; those that too many share are not found."""

    def __init__(self, hashes: np.ndarray, owners: np.ndarray) -> None:
        self._order = np.argsort(hashes, kind="stable")
        self._hashes = hashes[self._order]
        self.owners = owners
        self._there = np.zeros(1 << _TABLE, dtype=bool)
        self._there[_places(hashes)] = True

    def find(self, asked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where asked hashes (n,) are among these: positions among the asked and among these, (P,) and (P,)."""
        places = np.flatnonzero(self._there[_places(asked)])
        first = np.searchsorted(self._hashes, asked[places])
        counts = np.searchsorted(self._hashes, asked[places], side="right") - first
        counts[counts > _MOST_SHARING] = 0
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)  # (P,)
        return np.repeat(places, counts), self._order[np.repeat(first, counts) + within]


class Rarity:
    """How rare windows are among some texts; too low for the few whose hashes fall together."""

    def __init__(self, windows: Windows) -> None:
        self._texts = len(windows.letters)
        self._counts = np.bincount(_places(windows.hashes), minlength=1 << _TABLE)  # (table,)

    def of(self, windows: Windows) -> np.ndarray:
        """The weight of each window: (n,)."""
        return self.at(np.maximum(self._counts[_places(windows.hashes)], 0.5))  # (n,)

    def at(self, texts: np.ndarray | float) -> np.ndarray:
        """The weight of a window that so many texts have."""
        weight: np.ndarray = np.log1p(self._texts / texts) ** 2
        return weight


class Probes(NamedTuple):
    """Probes of several texts.

    Args:
        hashes: (p,) uint64.
        owners: (p,) int64, ascending.
        weights: (p,) their rarity.
        totals: (texts,) the weight of all probes of a text.
        counts: (texts,) how many it has.
    """

    hashes: np.ndarray
    owners: np.ndarray
    weights: np.ndarray
    totals: np.ndarray
    counts: np.ndarray

    def shares(self, probes: np.ndarray, holders: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The share of a text's probes, by weight, that each holder has.

        Args:
            probes: (P,) positions of the probes that were found.
            holders: (P,) the number of the text in which each was found.
            count: of such texts.

        Returns: texts, holders and shares, each (S,).
        """
        keys = _distinct(holders * len(self.hashes) + probes)
        holders, probes = keys // max(len(self.hashes), 1), keys % max(len(self.hashes), 1)
        pairs = self.owners[probes] * count + holders
        order = np.argsort(pairs, kind="stable")
        kept = _distinct(pairs)
        of_pair = np.searchsorted(kept, pairs[order])
        found = np.bincount(of_pair, self.weights[probes[order]], minlength=len(kept))
        owners = kept // max(count, 1)
        return owners, kept % max(count, 1), found / self.totals[owners]


def probes_of(windows: Windows, weights: np.ndarray, usable: np.ndarray) -> Probes:
    """The rarest of the usable windows, bool (n,), in each part of each text, by these weights (n,)."""
    part = windows.owners * _PROBES + windows.places * _PROBES // windows.counts[windows.owners]  # (n,) ascending
    part, hashes, weights = part[usable], windows.hashes[usable], weights[usable]
    starts = np.flatnonzero(np.diff(part, prepend=-1))
    best = np.maximum.reduceat(weights, starts) if len(part) else weights  # (parts,)
    rarest = np.flatnonzero(weights == np.repeat(best, np.diff(starts, append=len(part))))
    taken = rarest[np.diff(part[rarest], prepend=-1) > 0]  # (p,): the first of equal ones
    owners, texts = part[taken] // _PROBES, len(windows.letters)
    totals = np.bincount(owners, weights[taken], minlength=texts)
    return Probes(hashes[taken], owners, weights[taken], totals, np.bincount(owners, minlength=texts))


def _places(hashes: np.ndarray) -> np.ndarray:
    return (hashes >> np.uint64(64 - _TABLE)).astype(np.int64)


def _distinct(keys: np.ndarray) -> np.ndarray:
    # np.unique hashes, which takes twenty times as long for keys like these.
    ordered = np.sort(keys)
    return ordered[np.diff(ordered, prepend=-1) > 0]
