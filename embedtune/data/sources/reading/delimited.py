"""Comma- and tab-separated files, and their dialects, as records; a row that is broken costs no other row."""

import csv
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from embedtune.data.sources.problems import Problems
from embedtune.data.sources.reading import UNDERSTOOD
from embedtune.data.sources.reading.dialect import (
    PLAIN,
    SEPARATORS,
    declared_separator,
    is_enclosed,
    quotes_enclose,
    separator_of,
)
from embedtune.data.sources.reading.line_buffer import LONGEST_ROW, LineBuffer, TooLongError
from embedtune.data.sources.streams import lines
from embedtune.findings import counted

_HEAD = (200, 2**18)  # lines and characters that decide the separator
_WINDOW = (2000, 2**20)  # and what quotation marks are
_SHOWN = 200  # characters of the header in a message
_QUOTE = "put texts in double quotes and double the quotes in them"
_WIDEST_FIELD = 2**31 - 1  # characters; the default limit of the csv module is 131,072
Reader = Callable[[Path, Problems, list[str]], Iterator[tuple[int, dict[str, Any]]]]


def delimited(usual: str) -> Reader:
    """A reader of files whose fields are separated by `usual`, or by another sign that explains them better."""

    def records(path: Path, problems: Problems, notes: list[str]) -> Iterator[tuple[int, dict[str, Any]]]:
        before = csv.field_size_limit(_WIDEST_FIELD)
        try:
            yield from _DelimitedFile(path, usual, problems, notes).records()
        finally:
            csv.field_size_limit(before)

    return records


class _DelimitedFile:
    """One file, read row by row."""

    def __init__(self, path: Path, usual: str, problems: Problems, notes: list[str]) -> None:
        self._path, self._problems, self._notes = path, problems, notes
        self._lines = LineBuffer(_ended(lines(path, problems)))
        self._sign = self._separator(usual)
        self._reader = csv.reader(self._lines, delimiter=self._sign, strict=True)
        self._enclosed: bool | None = None if self._sign in PLAIN else True
        self._header: list[str] = []
        self._unnamed: list[str] = []
        self._quoted_header = False
        self._joined: list[int] = []

    def records(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Numbers of lines, and fields by column."""
        yield from self._records()
        if self._joined:
            more = f" and {len(self._joined) - 1:,} more" if len(self._joined) > 1 else ""
            self._notes.append(
                f"{self._path.name}:{self._joined[0]}{more}: lines that would each be a row are one text, since "
                "quotation marks enclose them; if one of the marks is a mistake, double it"
            )

    def _records(self) -> Iterator[tuple[int, dict[str, Any]]]:
        for number, fields in self._rows():
            if not self._header:
                self._begin(number, fields)
                continue
            width = len(self._header)
            if len(fields) > width and not any(fields[width:]):
                fields = fields[:width]  # spreadsheets write the empty cells to the right of a table
            if len(fields) != width:
                self._wrong_width(number, len(fields))
                continue
            self._look_for_joined(number)
            record = dict(zip(self._header, fields, strict=True))
            for name in self._unnamed:
                if not record[name].strip():
                    del record[name]
            yield number, record

    def _look_for_joined(self, number: int) -> None:
        """Note a row of several lines that are complete by themselves, as two stray quotation marks make it."""
        taken, width = self._lines.taken, len(self._header)
        if len(taken) > 1 and width > 1 and all(line.count(self._sign) + 1 == width for _, line in taken):
            self._joined.append(number)

    def _separator(self, usual: str) -> str:
        head, _ = self._lines.look(*_HEAD)
        declared = declared_separator(head[0]) if head else None
        if declared is not None:
            next(self._lines)
        sign = declared or separator_of(head, usual)
        if sign != usual:
            self._notes.append(f"{self._path.name}: the columns are separated by {SEPARATORS[sign]}, {UNDERSTOOD}")
        return sign

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        """The first line and the fields of each row that can be read."""
        while True:
            self._lines.begin()
            try:
                fields = next(self._reader) if self._is_quoted() else self._plain(next(self._lines))
            except StopIteration:
                return
            except (csv.Error, TooLongError) as error:
                if not self._broken(error):
                    return
                continue
            if fields:
                yield self._lines.start, fields

    def _plain(self, line: str) -> list[str]:
        if not self._header and '"' in line:
            return next(csv.reader([line], delimiter=self._sign))
        line = line.rstrip("\r\n")
        return line.split(self._sign) if line else []

    def _is_quoted(self) -> bool:
        """Whether quotation marks enclose the texts of the row that comes next."""
        if self._enclosed is not None or not self._header:
            return bool(self._enclosed)
        ahead, _ = self._lines.look(1, 1)
        if not ahead or '"' not in ahead[0]:
            return False
        window, whole = self._lines.look(*_WINDOW)
        self._enclosed = quotes_enclose(
            window, self._sign, len(self._header), header_quoted=self._quoted_header, whole=whole
        )
        what = "enclose texts" if self._enclosed else "are part of the texts"
        self._notes.append(f"{self._path.name}: quotation marks {what}, {UNDERSTOOD}")
        return self._enclosed

    def _broken(self, error: Exception) -> bool:
        """Note a row that cannot be read; False where nothing after it can be read either."""
        if not self._lines.taken:
            return False
        several = len(self._lines.taken) > 1
        if isinstance(error, TooLongError):
            what = f"this row is longer than {LONGEST_ROW:,} characters"
            what += ": the double quote that opens here is never closed" if several else ""
        elif "end of data" in str(error):
            what = "the double quote that opens here is never closed"
        else:
            what = f"{error}"
        self._problems.add(f"{self._path}:{self._lines.start}", what, hint=_QUOTE)
        return self._lines.give_back()

    def _wrong_width(self, number: int, found: int) -> None:
        width = len(self._header)
        shown = ", ".join(self._header[:20])[:_SHOWN] + (" …" if width > 20 else "")
        what = f"got {counted(found, 'field')} instead of {width} ({shown})"
        self._problems.add(f"{self._path}:{number}", what, hint="put texts that contain the separator in double quotes")
        self._lines.give_back()  # what a stray quotation mark has joined

    def _begin(self, number: int, fields: list[str]) -> None:
        names = [name.strip() for name in fields]
        self._header = column_names(names, f"{self._path}:{number}", self._problems)
        line = self._lines.taken[0][1].rstrip("\r\n")
        self._quoted_header = all(is_enclosed(field) for field in line.split(self._sign))
        self._unnamed = [column for column, name in zip(self._header, names, strict=True) if not name]


def column_names(fields: list[str], where: str, problems: Problems) -> list[str]:
    """The names of columns; those without one are numbered.

    An index that pandas wrote has no name, and neither have the empty cells to the right of a table.

    Raises:
        DataError: a name appears twice, or there is none.
    """
    names = [name.strip() for name in fields]
    twice = next((name for name, count in Counter(names).items() if name and count > 1), None)
    if twice is not None:
        raise problems.stop(where, f"the column {twice!r} appears twice in the first line")
    if not any(names):
        raise problems.stop(where, "the first line names no column")
    return [name or f"column {place}" for place, name in enumerate(names, 1)]


def _ended(numbered: Iterator[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    r"""The lines; those of a file in which only "\r" ends lines, as old Macs wrote, are told apart."""
    first = next(numbered, None)
    if first is None:
        return
    if "\r" not in first[1].rstrip("\r\n"):
        yield first
        yield from numbered
        return
    yield from _divided(first, numbered)


def _divided(first: tuple[int, str], numbered: Iterator[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    number = 1
    for _, text in chain([first], numbered):
        ended = text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n")
        for number, line in enumerate(ended.split("\n"), number):  # noqa: B020  (goes on where it was)
            yield number, line + "\n"
        number += 1
