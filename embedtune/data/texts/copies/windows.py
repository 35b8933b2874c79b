"""Texts as windows of letters: hashes of every run of `LETTERS` letters or digits, whatever stands between them.

Case, width, spaces, punctuation and signs that nobody sees make no difference, and Korean, Chinese and English are read
alike, without words. Everything is NumPy over code points: about 10 million characters per second.
"""

import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

LETTERS = 12
"""Letters of a window: two or three English words, four Korean ones."""
READ = 100_000
"""Characters of a text that are read."""
_FIRST_SYLLABLE = 0x1100  # of Hangul; kana and Chinese follow
_PART = 1_000_000  # characters that are hashed at a time
_BASE = np.uint64(0x9E3779B97F4A7C15)
_BORDER = "\x00"


class Windows(NamedTuple):
    """The windows of several texts, in order.

    Args:
        hashes: (n,) uint64.
        owners: (n,) int64, the text of each.
        letters: (texts,) int64, how many letters each text has.
        sizes: (texts,) int64, the same in Latin letters: one of Hangul, kana or Chinese says as much as two.
    """

    hashes: np.ndarray
    owners: np.ndarray
    letters: np.ndarray
    sizes: np.ndarray

    @property
    def counts(self) -> np.ndarray:
        """(texts,) int64: the windows of each text."""
        return np.maximum(self.letters - LETTERS + 1, 0)

    @property
    def places(self) -> np.ndarray:
        """(n,) int64: the place of each window in its text, from 0."""
        counts = self.counts
        return np.arange(len(self.owners)) - np.repeat(np.cumsum(counts) - counts, counts)


def windows_of(texts: Sequence[str]) -> Windows:
    """The windows of these texts.

    >>> windows_of(["Early renal failure", "early RENAL-failure!", "short"]).letters.tolist()
    [17, 17, 5]
    """
    parts = []
    start = size = 0
    for end, text in enumerate(texts, 1):
        size += min(len(text), READ)
        if size >= _PART or end == len(texts):
            part = _windows_of(texts[start:end])
            parts.append(part._replace(owners=part.owners + start))
            start, size = end, 0
    if not parts:
        return Windows(np.empty(0, np.uint64), *[np.empty(0, np.int64)] * 3)
    return Windows(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _windows_of(texts: Sequence[str]) -> Windows:
    """The same, in about 80 bytes per character."""
    joined = _BORDER.join(text[:READ].replace(_BORDER, " ") for text in texts)
    folded = unicodedata.normalize("NFKC", joined).casefold()
    codes = np.frombuffer(folded.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)  # (c,)
    owners = np.cumsum(codes == 0)  # (c,)
    kept = _are_letters()[codes]  # (c,)
    codes, owners = codes[kept].astype(np.uint64), owners[kept]  # (l,), (l,)
    letters = np.bincount(owners, minlength=len(texts))  # (texts,)
    sizes = letters + np.bincount(owners[codes >= _FIRST_SYLLABLE], minlength=len(texts))  # (texts,)
    if len(codes) < LETTERS:
        return Windows(np.empty(0, np.uint64), np.empty(0, np.int64), letters, sizes)
    last = len(codes) - LETTERS + 1
    inside = owners[:last] == owners[LETTERS - 1 :]  # (w,)
    return Windows(_hashes(codes)[:last][inside], owners[:last][inside], letters, sizes)


def _hashes(codes: np.ndarray) -> np.ndarray:
    """Hashes of all windows of 12 codes, from those of 1, 2, 4 and 8: (l - 11,) uint64."""
    two = codes[:-1] * _BASE + codes[1:]
    four = two[:-2] * _BASE**2 + two[2:]
    eight = four[:-4] * _BASE**4 + four[4:]
    twelve = eight[:-4] * _BASE**4 + four[8:]
    # The low bits of a product depend on the low bits of its factors only.
    mixed = (twelve ^ (twelve >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
    return mixed ^ (mixed >> np.uint64(29))


@cache
def _are_letters() -> np.ndarray:
    """bool (0x110000,): whether each code point is a letter or a digit."""
    return np.fromiter((chr(code).isalnum() for code in range(0x110000)), dtype=bool, count=0x110000)
