"""Which values stand for nothing: nulls, NaN, blanks, and the words that programs write in place of a missing value.

As the whole cell of a CSV or TSV such a word is a missing value, since these files have no other way to write one. In
JSON and Parquet, which have null, it is a text: `read_part` leaves it out where it is repeated in one column, and a
single one, which could be a true answer ("None"), stays and is reported.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any


def words(text: str) -> frozenset[str]:
    """The words of a text.

    >>> sorted(words("no yes"))
    ['no', 'yes']
    """
    return frozenset(text.split())


PLACEHOLDERS = words(
    "nan <nan> none null nil n/a n.a. #n/a #na #name? #ref! #value! #div/0! #null! #num! #error! "
    "<na> undefined - -- --- – — \\n [deleted] [removed] [null] (null) (none) <null> <none> "
    "없음 해당없음 해당사항없음 결측 미상 무응답 비어있음 빈값"
)
"""Case-folded and without blanks inside. Excel's errors are among them."""
NO_CLASS = frozenset(("nan", "<na>", "#n/a", "null", "nat"))
"""Words that are missing values even as a class; "none" and "없음" may be classes."""
_LONGEST = 32  # characters; a longer text is not looked up


def is_placeholder(text: str) -> bool:
    """Whether a text is one of `PLACEHOLDERS` and nothing else.

    >>> is_placeholder(" NaN"), is_placeholder("해당 없음"), is_placeholder("None of them")
    (True, True, False)
    """
    if len(text) > _LONGEST:
        return False
    return "".join(text.casefold().split()) in PLACEHOLDERS or text.strip() in ("NA", "NaT")  # "Na" is sodium


def is_missing(value: Any, *, flat: bool) -> bool:
    """Whether a value stands for nothing.

    Args:
        value: of a field.
        flat: whether it is the cell of a CSV or TSV.

    >>> is_missing(None, flat=False), is_missing(float("nan"), flat=False), is_missing("nan", flat=False)
    (True, True, False)
    >>> is_missing("nan", flat=True), is_missing(" ", flat=False), is_missing(0, flat=True)
    (True, True, False)
    """
    if isinstance(value, str):
        return not value.strip() or (flat and is_placeholder(value))
    return value is None or (isinstance(value, float) and math.isnan(value))


def missing_words(value: Any, column: str) -> str:
    """What is said about a missing value: "'positive' is 'nan'"."""
    blank = value is None or not str(value).strip()
    return f"{column!r} is {'nothing (null)' if value is None else 'empty' if blank else repr(value)}"


def repeated_placeholders(columns: Mapping[str, Sequence[str]]) -> dict[int, str]:
    """Row number -> what is said about it, of rows with a text that is a placeholder and that its column repeats.

    >>> repeated_placeholders({"positive": ["nan", "yes", "nan", "None"]})
    {0: "the positive is 'nan', as in other rows", 2: "the positive is 'nan', as in other rows"}
    """
    found: dict[int, str] = {}
    for role, texts in columns.items():
        rows = [row for row, text in enumerate(texts) if len(text) <= _LONGEST and is_placeholder(text)]
        counts = Counter(texts[row] for row in rows)
        for row in rows:
            if counts[texts[row]] > 1:
                found.setdefault(row, f"the {role} is {texts[row]!r}, as in other rows")
    return dict(sorted(found.items()))
