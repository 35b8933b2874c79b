"""The fields of one record by role; whatever is wrong with one is noted with the record's place.

A missing text, label or score is no fault: it is noted in `problems.left_out`, and the row is left out.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from embedtune.data.formats.shared.missing import NO_CLASS, is_missing, missing_words
from embedtune.data.formats.shared.values import is_unlabelled, number_of, value_in
from embedtune.data.left_out import FURTHER, LABELS
from embedtune.data.sources.columns import Columns, field_of, label_of, text_of
from embedtune.data.sources.problems import Problems
from embedtune.data.sources.tables import RecordTable

FLAT = frozenset({"CSV", "TSV", "Excel"})
"""Kinds of files whose cells are texts, so that a missing value is written as a blank or a word."""


class Cells(NamedTuple):
    """One record of a table.

    Args:
        record: column -> value.
        columns: role -> columns of the table.
        place: where the record is, for messages.
        problems: gathers faults, and what is left out.
        flat: whether the record is from one of `FLAT`.
    """

    record: Mapping[str, Any]
    columns: Columns
    place: str
    problems: Problems
    flat: bool = False

    def value(self, role: str) -> Any:
        """Whatever is in the column of this role; None where there is no such column or value."""
        names = self.columns.names.get(role)
        return value_in(self.record, names[0]) if names else None

    def text(self, role: str) -> str | None:
        """The text of this role; None where it is missing, or for a fault, which is noted."""
        column = self.columns.names[role][0]
        value = self.record.get(column)
        if is_missing(value, flat=self.flat) and (column in self.record or not self._others):
            self.problems.left_out.add(self.place, missing_words(value, column))
            return None
        return field_of(self.record, column, self.place, self.problems)

    @property
    def _others(self) -> list[str]:
        """Texts of the record without a role: where a column is absent, they may be what belongs in it."""
        played = {column for columns in self.columns.names.values() for column in columns} | {self.columns.group}
        return [name for name, value in self.record.items() if isinstance(value, str) and name not in played]

    def texts(self, role: str) -> list[str]:
        """The usable texts of this role, which has one text or a list of them; faults are noted.

        Where there is none, the row is left out; a missing one among others is ignored.
        """
        value, column = self.value(role), self.columns.one(role)
        values = value if isinstance(value, list) else [value]
        if all(is_missing(one, flat=self.flat) for one in values):
            what = missing_words(values[0], column) if values else f"{column!r} is an empty list"
            self.problems.left_out.add(self.place, what)
            return []
        found = [self.further(one, column) for one in values]
        return [one for one in found if one is not None]

    def further(self, value: Any, column: str) -> str | None:
        """A negative, or one text of a list; None where it is missing, or for a fault, which is noted."""
        if is_missing(value, flat=self.flat):
            if value is not None and str(value).strip():  # an empty cell means that there is none
                self.problems.left_out.add(self.place, missing_words(value, column), FURTHER)
            return None
        return text_of(value, column, self.place, self.problems)

    def judgment(self, role: str) -> Any:
        """The label or score of this role; None where it is missing, which leaves the row out."""
        value = self.value(role)
        if not is_unlabelled(value):
            return value
        self.problems.left_out.add(self.place, missing_words(value, self.columns.one(role)), LABELS)
        return None

    def label(self, role: str) -> str | None:
        """The class of this role as text; None where there is no such column or class, or for a fault."""
        names = self.columns.names.get(role)
        if names is None:
            return None
        value = self.record.get(names[0])
        if is_missing(value, flat=False) or (self.flat and str(value).strip().casefold() in NO_CLASS):
            self.problems.left_out.add(self.place, missing_words(value, names[0]), LABELS)
            return None
        return label_of(self.record, names[0], self.place, self.problems)

    @property
    def group(self) -> str | None:
        """The value of the group column; None where there is none, or for a fault, which is noted."""
        return label_of(self.record, self.columns.group, self.place, self.problems) if self.columns.group else None

    def leave_out(self, role: str, what: str) -> None:
        """Note why the row says nothing in the column of this role."""
        self.problems.left_out.add(self.place, f"{self.columns.one(role)!r} {what}")

    def fault(self, role: str, what: str) -> None:
        """Note what is wrong with the column of this role, which may be absent."""
        self.problems.add(self.place, f"{self.columns.names.get(role, (role,))[0]!r} {what}")


def cells_of(table: RecordTable, columns: Columns) -> Iterator[Cells]:
    """The records of a table in order."""
    for number, record in table.records:
        yield Cells(record, columns, table.place(number), table.problems, table.kind in FLAT)


def number_in(value: Any) -> float:
    """A finite number, or a text of one; NaN for anything else.

    >>> number_in("0.5"), number_in(True), number_in(None)
    (0.5, nan, nan)
    """
    found = number_of(value)
    return math.nan if found is None else found
