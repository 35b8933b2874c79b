"""Amounts and ranges as people write them on a command line: `4GiB`, `0:50`."""

import re

_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_UNITS |= {"KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


_DIGITS = 30  # more are never needed, and enough of them make a float infinite


def parse_bytes(text: str) -> int:
    """An amount of memory in bytes.

    >>> parse_bytes("4GiB"), parse_bytes("512 MB"), parse_bytes("1.5g")
    (4294967296, 512000000, 1610612736)

    Raises:
        ValueError: it is not a number with a unit.
    """
    found = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*([A-Za-z]*)\s*", text)
    if found is None or found[2].upper() not in _UNITS or len(found[1]) > _DIGITS:
        raise ValueError(f"{text!r} is not an amount of memory, such as 4GiB or 512MB")
    return int(float(found[1]) * _UNITS[found[2].upper()])


def parse_range(text: str) -> tuple[int, int]:
    """A half-open range of whole numbers from 0.

    >>> parse_range("10:50"), parse_range(":50")
    ((10, 50), (0, 50))

    Raises:
        ValueError: it is not LOW:HIGH, or empty.
    """
    found = re.fullmatch(r"\s*([0-9]*)\s*:\s*([0-9]+)\s*", text, re.ASCII)
    if found is None:
        raise ValueError(f"{text!r} is not LOW:HIGH, such as 0:50 (ranks from 0, HIGH excluded)")
    low, high = int(found[1] or 0), int(found[2])
    if low >= high:
        raise ValueError(f"{text!r} holds no rank; LOW must be below HIGH")
    return low, high
