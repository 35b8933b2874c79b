"""The identity of a text: a signed 64-bit id of its normalised form, the same on every machine and in every run.

Ids serve masks and splits: the same sentence has the same id as a query and as a document, because neither prompt nor
role is part of it. With 64 bits, the chance of any collision among 10 million texts is 1 in 400,000.
"""

import hashlib
import unicodedata
from collections.abc import Iterable

import numpy as np


def normalise(text: str) -> str:
    """The form that decides whether two texts are the same: NFC, white space collapsed to single spaces, case kept.

    NFC joins decomposed Hangul jamo, so texts typed on macOS and on Windows are the same text.

    >>> normalise("  Reset\\tmy   password ")
    'Reset my password'
    >>> normalise("\\u1112\\u1161\\u11ab") == "한"
    True
    """
    return " ".join(unicodedata.normalize("NFC", text).split())


def text_id(text: str) -> int:
    """The signed 64-bit id of one text.

    >>> text_id("a  b") == text_id("a b") != text_id("A b")
    True
    """
    # JSON escapes can contain a lone surrogate; it must get an id too, not an exception.
    encoded = normalise(text).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(encoded, digest_size=8).digest(), "little", signed=True)


def text_ids(texts: Iterable[str]) -> np.ndarray:
    """Ids of many texts: int64 (n,)."""
    return np.fromiter((text_id(text) for text in texts), dtype=np.int64)
