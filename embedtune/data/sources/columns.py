"""Which column plays which role: decided by name or by the user, never by order; and values checked one by one."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from embedtune.data.numbers import finite
from embedtune.data.rows import titled
from embedtune.data.sources.layouts.column_words import spellings
from embedtune.data.sources.problems import Problems
from embedtune.errors import DataError
from embedtune.findings import kind_of

Roles = Mapping[str, Sequence[str]]
_SURROGATE = re.compile("[\ud800-\udfff]")
_UNWRITABLE = re.compile("[\t\r\n\0\ud800-\udfff]")
_NUMBER = r"_\d+"


@dataclass(frozen=True)
class Columns:
    """The columns of one table, matched to roles.

    Args:
        names: role -> the columns that play it.
        group: the column whose values are never divided between splits.
        unused: columns that play no role.
        chosen: role -> column, where the user named them.
    """

    names: Mapping[str, tuple[str, ...]]
    group: str | None = None
    unused: tuple[str, ...] = ()
    chosen: Mapping[str, str] = field(default_factory=dict)

    def __contains__(self, role: str) -> bool:
        return role in self.names

    def one(self, role: str) -> str:
        """The only column of a role."""
        return self.names[role][0]


def match(roles: Roles, present: Sequence[str], chosen: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Role -> columns present that play it; a column that the user chose for one role plays no other.

    Args:
        roles: role -> usual column names, each a regular expression (`negative_\\d+`).
        present: the columns of the table.
        chosen: role -> column, where the user named them.

    A name in capitals, with blanks or in Korean counts where no column has a usual name as it is.

    >>> match({"anchor": ("anchor", "query")}, ["query", "focus"], {})
    {'anchor': ('query',)}
    >>> match({"anchor": ("anchor", "question")}, ["질문", "Focus"], {})
    {'anchor': ('질문',)}
    """
    claimed = set(chosen.values())
    found = {}
    for role, names in roles.items():
        if role in chosen:
            columns = tuple(column for column in present if column == chosen[role])
        else:
            columns = _played_by(names, [column for column in present if column not in claimed])
        if columns:
            found[role] = columns
    return found


def _played_by(names: Sequence[str], free: Sequence[str]) -> tuple[str, ...]:
    """The columns with one of these names as it is, and those with a number in any spelling; else any spelling."""
    numbered = [name for name in names if name.endswith(_NUMBER)]
    usual = [column for column in free if any(re.fullmatch(name, column) for name in names)]
    others = numbered if usual else names
    spelled = {
        column
        for column in free
        if column not in usual and any(re.fullmatch(name, one) for name in others for one in spellings(column))
    }
    return tuple(column for column in free if column in usual or column in spelled)


def refuse_twice(names: Mapping[str, tuple[str, ...]], many: Iterable[str], where: str) -> None:
    """Refuse two columns in a role that only one can play.

    Raises:
        DataError: names the role and its columns.
    """
    for role, columns in names.items():
        if role not in many and len(columns) > 1:
            raise DataError(
                f"two columns could be '{role}': {' and '.join(map(repr, columns[:12]))}",
                where=where,
                next=f"name one: --columns {role}={columns[0]}",
            )


def spoken(names: Sequence[str]) -> str:
    """Column names as a person reads them: "negative, negatives or negative_1"."""
    plain = [name.replace(_NUMBER, "_1") for name in names]
    return plain[0] if len(plain) == 1 else f"{', '.join(plain[:-1])} or {plain[-1]}"


def listed(columns: Sequence[str]) -> str:
    """Columns of a table as a person reads them, the first twelve of many.

    >>> listed(["anchor", "positive"])
    "'anchor', 'positive'"
    """
    shown = [f"'{column[:40]}…'" if len(column) > 40 else repr(column) for column in columns[:12]]
    return ", ".join(shown) + (f" and {len(columns) - 12} more" if len(columns) > 12 else "")


def text_of(value: Any, column: str, place: str, problems: Problems) -> str | None:
    """The value when it is usable text; otherwise None, and the fault is noted."""
    if not isinstance(value, str):
        problems.add(place, f"{column!r} must be text, got {kind_of(value)}")
        return None
    if not value.strip():
        problems.add(place, f"{column!r} is empty", kind="empty-texts")
    elif "\0" in value:
        problems.add(place, f"{column!r} contains a NUL character")
    elif not value.isascii() and _SURROGATE.search(value):
        problems.add(place, f"{column!r} contains half a character (a lone surrogate such as \\ud83d)")
    else:
        return value
    return None


def id_of(value: Any, place: str, problems: Problems) -> str | None:
    """An id as text, also of a number; None for a fault, which is noted.

    An id must be writable wherever ids are written: a ranking in TREC's format cannot hold tabs and line ends.
    """
    if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip():
        what = "the id is missing or empty" if value in (None, "") else f"the id must be text, got {kind_of(value)}"
    elif _UNWRITABLE.search(key := str(value)):
        what = f"the id {key[:80]!r} contains a tab, a line end, a NUL or half a character, which no ranking can hold"
    else:
        return key
    problems.add(place, what)
    return None


def field_of(record: Mapping[str, Any], column: str, place: str, problems: Problems) -> str | None:
    """The text in this column of a record; a record without the column is a fault."""
    if column not in record:
        problems.add(place, f"{column!r} is missing; this row has {listed(list(record)) or 'no columns'}")
        return None
    return text_of(record[column], column, place, problems)


def document_text(record: Mapping[str, Any], names: Mapping[str, str], place: str, problems: Problems) -> str | None:
    """Title and text of a document as one text, "" where it has neither; None for a fault, which is noted.

    `names` are the columns of the roles "text" and "title".
    """
    value = record.get(names["text"])
    title = record.get(names["title"]) if "title" in names else None
    text = titled(title, value) if isinstance(value, str) else value
    if isinstance(text, str) and not text.strip():
        return ""
    return text_of(text, names["text"], place, problems)


def label_of(record: Mapping[str, Any], column: str, place: str, problems: Problems) -> str | None:
    """A class or group as text; numbers are accepted too."""
    value = record.get(column)
    if not isinstance(value, str | int | float) or not str(value).strip():
        problems.add(place, f"{column!r} is empty; every row needs one")
    elif _SURROGATE.search(str(value)):
        problems.add(place, f"{column!r} contains half a character (a lone surrogate such as \\ud83d)")
    else:
        return str(value)
    return None


def numbers_of(values: Any, column: str, place: str, problems: Problems, *, gaps: bool = False) -> list[float] | None:
    """The value when it is a list of finite numbers; otherwise None, and the fault is noted.

    With `gaps`, a null in the list is a number that nobody gave, and becomes NaN.
    """
    if gaps and isinstance(values, list) and None in values:
        given = numbers_of([one for one in values if one is not None], column, place, problems)
        left = iter(given or ())
        return None if given is None else [math.nan if one is None else next(left) for one in values]
    # A bool is a number to Python, but nobody scores with one.
    if isinstance(values, list) and all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
        found = [number for number in map(finite, values) if number is not None]
        if len(found) == len(values):
            return found
        problems.add(place, f"{column!r} contains NaN or infinity")
    else:
        problems.add(place, f"{column!r} must be a list of numbers, got {kind_of(values)}")
    return None


def number_of(value: Any, column: str, place: str, problems: Problems) -> float | None:
    """The value when it is a finite number; otherwise None, and the fault is noted."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        found = numbers_of([value], column, place, problems)
        return None if found is None else found[0]
    problems.add(place, f"{column!r} must be a number, got {kind_of(value)}")
    return None
