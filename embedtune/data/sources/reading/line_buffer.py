"""Lines that can be looked at ahead of time, and given back when a row turns out to have swallowed them."""

from collections import deque
from collections.abc import Iterator

LONGEST_ROW = 16 * 2**20
"""Characters; a quotation mark that is never closed makes the rest of a file one row."""
_GIVEN_BACK = 4 * LONGEST_ROW  # characters in all, so that many such marks do not take forever


class TooLongError(Exception):
    """A row is longer than `LONGEST_ROW`."""


class LineBuffer:
    """Numbered lines, one row at a time.

    Args:
        numbered: numbers and lines with their ends.
    """

    def __init__(self, numbered: Iterator[tuple[int, str]]) -> None:
        self._numbered, self._ahead = numbered, deque[tuple[int, str]]()
        self.taken: list[tuple[int, str]] = []
        """The lines of the current row."""
        self._length = self._given_back = 0

    def begin(self) -> None:
        """Begin a row."""
        self.taken, self._length = [], 0

    def __iter__(self) -> "LineBuffer":
        return self

    def __next__(self) -> str:
        self.taken.append(self._ahead.popleft() if self._ahead else next(self._numbered))
        line = self.taken[-1][1]
        self._length += len(line)
        if self._length > LONGEST_ROW:
            raise TooLongError
        return line

    @property
    def start(self) -> int:
        """The number of the row's first line."""
        return self.taken[0][0]

    def give_back(self) -> bool:
        """Give back all lines of the row but the first; False where that has been done too often."""
        self._given_back += self._length
        if self._given_back > _GIVEN_BACK:
            return False
        self._ahead.extendleft(reversed(self.taken[1:]))
        self.taken = self.taken[:1]
        return True

    def look(self, lines: int, characters: int) -> tuple[list[str], bool]:
        """At most so many lines ahead, and whether they go up to the end."""
        length = sum(len(line) for _, line in self._ahead)
        while len(self._ahead) < lines and length < characters:
            one = next(self._numbered, None)
            if one is None:
                return [line for _, line in self._ahead], True
            self._ahead.append(one)
            length += len(one[1])
        return [line for _, line in self._ahead], False
