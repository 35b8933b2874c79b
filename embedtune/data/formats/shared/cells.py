"""The fields of one record by role; whatever is wrong with one is noted with the record's place."""

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from embedtune.data.numbers import finite, number_of
from embedtune.data.sources.columns import Columns, field_of, label_of, text_of
from embedtune.data.sources.problems import Problems
from embedtune.data.sources.tables import RecordTable


class Cells(NamedTuple):
    """One record of a table.

    Args:
        record: column -> value.
        columns: role -> columns of the table.
        place: where the record is, for messages.
        problems: gathers faults.
    """

    record: Mapping[str, Any]
    columns: Columns
    place: str
    problems: Problems

    def value(self, role: str) -> Any:
        """Whatever is in the column of this role; None where there is no such column or value."""
        names = self.columns.names.get(role)
        return self.record.get(names[0]) if names else None

    def text(self, role: str) -> str | None:
        """The text of this role; None for a fault, which is noted."""
        return field_of(self.record, self.columns.names[role][0], self.place, self.problems)

    def texts(self, role: str) -> list[str]:
        """The usable texts of this role, which has one text or a list of them; faults are noted."""
        value, column = self.value(role), self.columns.one(role)
        values = value if isinstance(value, list) else [value]
        found = [text_of(one, column, self.place, self.problems) for one in values]
        return [one for one in found if one is not None]

    def label(self, role: str) -> str | None:
        """The class of this role as text; None where there is no such column, or for a fault, which is noted."""
        names = self.columns.names.get(role)
        return label_of(self.record, names[0], self.place, self.problems) if names else None

    @property
    def group(self) -> str | None:
        """The value of the group column; None where there is none, or for a fault, which is noted."""
        return label_of(self.record, self.columns.group, self.place, self.problems) if self.columns.group else None

    def fault(self, role: str, what: str) -> None:
        """Note what is wrong with the column of this role."""
        self.problems.add(self.place, f"{self.columns.names.get(role, (role,))[0]!r} {what}")


def cells_of(table: RecordTable, columns: Columns) -> Iterator[Cells]:
    """The records of a table in order."""
    for number, record in table.records:
        yield Cells(record, columns, table.place(number), table.problems)


def number_in(value: Any) -> float:
    """A finite number, or a text of one; NaN for anything else.

    >>> number_in("0.5"), number_in(True), number_in(None)
    (0.5, nan, nan)
    """
    if isinstance(value, str):
        found = number_of(value.strip())
    else:
        # A bool is a number to Python, but nobody scores with one.
        found = finite(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    return math.nan if found is None else found
