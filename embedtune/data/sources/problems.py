"""Everything wrong with one source of data, gathered while it is read and reported in one error.

Whoever repairs a file wants to see all of its faults at once, not one per attempt.
"""

import re
from sys import maxsize

from embedtune.data.left_out import LeftOut
from embedtune.errors import DataError

SHOWN = 20
NO_ROWS, ADD_ROWS = "there are no rows", "put at least one row below the names of the columns"
_LINE = re.compile(r":\d+$")


class Problems:
    """The faults found so far: all counted, the first `SHOWN` kept with their place.

    >>> problems = Problems("pairs.jsonl")
    >>> problems.add("pairs.jsonl:3", "'positive' is empty; every pair needs both texts")
    >>> problems.raise_if_any()
    Traceback (most recent call last):
    embedtune.errors.DataError: 'positive' is empty; every pair needs both texts
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self.count = 0
        self.kept: list[tuple[str, str]] = []
        self.hint: str | None = None
        self.notes: list[str] = []
        """How the source was understood, in sentences, such as the encoding of its text."""
        self.left_out = LeftOut()
        """Rows that say nothing, which are no faults."""

    def add(self, where: str, what: str, *, hint: str | None = None, kind: str = "") -> None:
        """Note one fault; the first hint becomes the error's advice. `kind` serves those who sort faults."""
        self.count += 1
        if len(self.kept) < SHOWN:
            self.kept.append((where, what))
        self.hint = self.hint or hint

    def stop(self, where: str, what: str, *, hint: str | None = None) -> DataError:
        """The error for a fault after which nothing more can be read, with all faults before it."""
        self.count += 1
        self.kept = [*self.kept[: SHOWN - 1], (where, what)]
        self.hint = hint or self.hint
        return self._error()

    def raise_if_any(self) -> None:
        """Raise one `DataError` for all faults, or return when there were none."""
        if self.count:
            raise self._error()

    def _in_order(self) -> list[tuple[str, str]]:
        """The faults kept, by line in each file; what concerns a whole file comes last."""
        places = [where.rpartition(":") if _LINE.search(where) else (where, "", "") for where, _ in self.kept]
        files = [file for file, _, _ in places]
        order = [(files.index(file), int(line) if line else maxsize) for file, _, line in places]
        return [fault for _, fault in sorted(zip(order, self.kept, strict=True), key=lambda one: one[0])]

    def _error(self) -> DataError:
        if self.count == 1:
            where, what = self.kept[0]
            return DataError(what, where=where, next=self.hint)
        listed = "".join(f"\n  {where}: {what}" for where, what in self._in_order())
        rest = f"\n  and {self.count - len(self.kept):,} more" if self.count > len(self.kept) else ""
        return DataError(f"{self.source} has {self.count:,} problems:{listed}{rest}", where=self.source, next=self.hint)
