"""A watch over columns that may say whether a pair belongs together, in formats that have no role for them."""

from collections.abc import Mapping
from typing import Any

from embedtune.data.formats.shared.judgement import says_yes_or_no
from embedtune.data.formats.shared.values import ColumnValues
from embedtune.data.sources.columns import Columns
from embedtune.data.sources.layouts.column_words import spellings
from embedtune.data.sources.tables import RecordTable

_NAMES = frozenset(
    (
        *("label", "labels", "gold_label", "score", "similarity", "grade", "judgment", "judgement", "correct"),
        *("relevance", "relevant", "rel", "is_correct", "is_relevant", "is_selected", "is_positive", "is_duplicate"),
    )
)
_IDS = frozenset({"id", "_id", "idx", "index"})
_YES_OR_NO = (0, 1, "0", "1")  # also true and false, which equal 1 and 0


class UnusedJudges:
    """Looks at the columns that play no role, by name and by value.

    Args:
        table: the records.
        columns: those that play a role, and those that do not.
    """

    def __init__(self, table: RecordTable, columns: Columns) -> None:
        self._table, self._columns = table, columns
        self._named = [column for column in columns.unused if spellings(column) & _NAMES]
        self._binary = [column for column in columns.unused if column and not spellings(column) & _IDS]
        self._tallies = {column: ColumnValues() for column in columns.unused}
        self._rows = 0

    def look(self, record: Mapping[str, Any]) -> None:
        """Look at one record."""
        self._rows += 1
        self._binary = [column for column in self._binary if record.get(column) in _YES_OR_NO]
        for column, tally in self._tallies.items():
            tally.add(record.get(column))

    def demand_none(self) -> None:
        """Ask about a column that may judge the pairs, which would all be positives otherwise.

        Raises:
            DataError: there is one.
        """
        judges = self._named or (self._binary if self._rows > 1 else [])
        judges = judges or [column for column, tally in self._tallies.items() if says_yes_or_no(column, tally)]
        if judges:
            anchor, positive = self._columns.one("anchor"), self._columns.one("positive")
            raise self._table.problems.stop(
                self._table.name,
                f"{judges[0]!r} may say which pairs of {anchor!r} and {positive!r} belong together",
                hint=f"say what the columns are: --columns anchor={anchor},positive={positive}",
            )
