"""The sentence that names the columns of a table that nobody reads."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Self

from embedtune.data.formats.shared.judgement import said_unused
from embedtune.data.formats.shared.values import ColumnValues

UNUSED = "columns not used"
"""What the sentence says."""


class UnusedColumns(str):
    """Such a sentence. A format knows only what it reads itself, so whoever reads a column besides takes it out.

    >>> str(UnusedColumns.of("a.csv", ["note", "product"], {}).besides("product"))
    'a.csv: columns not used: note'
    """

    table: str
    columns: tuple[str, ...]
    tallies: Mapping[str, ColumnValues]

    @classmethod
    def of(cls, table: str, columns: Sequence[str], tallies: Mapping[str, ColumnValues]) -> Self:
        """The sentence about these columns of a table; empty where there are none."""
        made = cls(f"{table}: {UNUSED}: {said_unused(columns, tallies)}" if columns else "")
        made.table, made.columns, made.tallies = table, tuple(columns), tallies
        return made

    def besides(self, column: str) -> Self:
        """The sentence without one of the columns; empty where it was the only one."""
        return self.of(self.table, [one for one in self.columns if one != column], self.tallies)


def besides(sentences: Iterable[str], column: str) -> tuple[str, ...]:
    """Sentences about data whose `column` is read by somebody who does not know formats."""
    found = (one.besides(column) if isinstance(one, UnusedColumns) else one for one in sentences)
    return tuple(one for one in found if one)
