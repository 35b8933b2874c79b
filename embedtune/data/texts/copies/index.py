"""Texts that hold others: behind a title or a prompt, before a suffix, whole or cut, or changed in a few places.

Why in this order. A text that holds another has nearly all of its probes (`probes.py`), and these are looked up for all
texts at once. Only such pairs are then read word by word (`frame.py`), because two documents from one template may
differ in the one word that matters.

Both directions are searched: texts of the index within asked ones, and asked ones within texts of the index. For the
second, long texts keep only those windows whose hash ends in two zeros, and the probes of the asked text are chosen
among the same. Memory: about 15 bytes per letter of short texts in the index, 4 of long ones. Cost: a second for three
million characters.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from embedtune.data.texts.copies.frame import same_but_for_frame
from embedtune.data.texts.copies.probes import Probes, Rarity, WindowLists, probes_of
from embedtune.data.texts.copies.windows import Windows, windows_of

LEAST = 24
"""Latin letters (see `Windows.sizes`) of the shortest text that is looked for; others hold shorter ones by accident."""
EXTRACT = 100
"""Letters, about 20 English words, from which a small part of a longer text may stand for it."""
_SHORT = 40  # letters of a text whose frame must be a sentence, a title with a colon or the like
_SHARE = 0.75
"""The least share of a text's probes, by rarity, in a text that holds it."""
_SHARING = 3  # texts of the index that an extract may be part of, on average
_LONG = 256  # windows from which only some of a text are kept
_SAMPLED = 64  # windows from which the probes of an asked text are among the kept ones
_KEPT = np.uint64(3)
_MOST_IN_VAIN = 20  # pairs per text that are read word by word and do not hold; the most similar are read first


class Copy(NamedTuple):
    """A text of the index and an asked text, one of which holds the other.

    Args:
        text: number of the asked one.
        other: number of the one in the index.
        within: whether the asked text is within the other; else it is the other way round.
    """

    text: int
    other: int
    within: bool


class _Texts(NamedTuple):
    texts: Sequence[str]
    sizes: np.ndarray


class CopyIndex:
    """Texts that others may hold, or be held by.

    Args:
        texts: N > 0 texts.
        extracts: (N,) bool, which of them are held by any longer text in which they stand; the others only by one that
            is at most twice as long, or if they are `EXTRACT` letters long and unlike most texts of the index.
    """

    def __init__(self, texts: Sequence[str], extracts: np.ndarray | None = None) -> None:
        self._extracts = np.zeros(len(texts), dtype=bool) if extracts is None else extracts
        windows = windows_of(texts)
        self._own = _Texts(texts, windows.sizes)
        self._rarity = Rarity(windows)
        self._probes = self._probes_of(windows, np.ones(len(windows.hashes), dtype=bool))
        self._lists = WindowLists(self._probes.hashes, self._probes.owners)
        kept = _kept(windows, _LONG)
        self._kept = WindowLists(windows.hashes[kept], windows.owners[kept])

    def find(self, texts: Sequence[str]) -> list[Copy]:
        """Which of these texts hold a text of the index, or are within one."""
        windows = windows_of(texts)
        asked = _Texts(texts, windows.sizes)
        place, probe = self._lists.find(windows.hashes)  # (P,), (P,)
        holding = self._probes.shares(probe, windows.owners[place], len(texts))
        found = [Copy(text, other, False) for other, text in self._read(self._probes, holding, self._own, asked)]
        probes = self._probes_of(windows, _kept(windows, _SAMPLED))
        probe, place = self._kept.find(probes.hashes)  # (P,), (P,)
        held = probes.shares(probe, self._kept.owners[place], len(self._own.texts))
        found += [Copy(text, other, True) for text, other in self._read(probes, held, asked, self._own)]
        return sorted(found)

    def _probes_of(self, windows: Windows, usable: np.ndarray) -> Probes:
        long = windows.sizes >= LEAST  # (texts,)
        return probes_of(windows, self._rarity.of(windows), usable & long[windows.owners])

    def _read(
        self, probes: Probes, shares: tuple[np.ndarray, np.ndarray, np.ndarray], parts: _Texts, wholes: _Texts
    ) -> list[tuple[int, int]]:
        """The pairs of a part and a whole, of those with these shares of probes, that hold word by word."""
        part, whole, share = shares  # (S,) each
        letters, around = parts.sizes[part], wholes.sizes[whole]
        # Of two texts of about the same length either may be taken for the one that is held.
        near = (share >= _SHARE - 1e-9) & (letters <= around * 1.5)
        any_part = self._extracts[part] if parts is self._own else np.zeros(len(part), dtype=bool)  # (S,)
        rare = probes.totals[part] >= probes.counts[part] * self._rarity.at(_SHARING)
        near &= any_part | (2 * letters >= around) | ((letters >= EXTRACT) & rare)
        strict = (letters < _SHORT) & ~any_part
        order = np.flatnonzero(near)[np.argsort(-share[near], kind="stable")]
        in_vain: Counter[int] = Counter()
        found = []
        for one, other, apart in zip(part[order].tolist(), whole[order].tolist(), strict[order].tolist(), strict=True):
            if in_vain[one] == _MOST_IN_VAIN:
                continue
            if same_but_for_frame(parts.texts[one], wholes.texts[other], strict=apart):
                found.append((one, other))
            else:
                in_vain[one] += 1
        return found


def _kept(windows: Windows, long: int) -> np.ndarray:
    """Which windows serve to find asked texts in others: all of a short text, some of a long one; bool (n,)."""
    return (windows.counts[windows.owners] < long) | (windows.hashes & _KEPT == 0)
