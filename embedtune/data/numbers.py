"""Numbers written as text: what people and programs write, and not all that Python would take for a number.

Python also reads "1_0", digits of other scripts and blanks around them; a score that only one program in a chain can
read is a fault of the file.
"""

import math
import re

LARGEST_GRADE = 2**31 - 1
"""Grades beyond it overflow in the programs that read judgments."""
_INTEGER = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_LONGEST = 400  # characters


def finite(value: float) -> float | None:
    """A number as a finite float; None for NaN, infinity, and integers beyond the largest float.

    >>> finite(2), finite(10**400), finite(math.inf)
    (2.0, None, None)
    """
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def number_of(text: str) -> float | None:
    """The number that a text is, finite; None where it is none.

    >>> number_of("-1.5e3"), number_of("1_0"), number_of("nan"), number_of("1e999")
    (-1500.0, None, None, None)
    """
    if len(text) > _LONGEST or not _NUMBER.fullmatch(text):
        return None
    return finite(float(text))


def integer_of(text: str) -> int | None:
    """The integer that a text is, also "1.0"; None where it is none.

    >>> integer_of("2"), integer_of("1.0"), integer_of("0.5"), integer_of("1_0")
    (2, 1, None, None)
    """
    if len(text) <= _LONGEST and _INTEGER.fullmatch(text):
        return int(text)
    value = number_of(text)
    return int(value) if value is not None and value.is_integer() else None
