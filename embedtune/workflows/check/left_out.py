"""The lines and records of a source that have a fault, as they are in their file."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from embedtune.data.checks.repair import removed_record
from embedtune.data.sources.base import Source
from embedtune.data.sources.problems import Problems
from embedtune.data.sources.streams import open_bytes, plain_suffix
from embedtune.data.sources.tables import READABLE, RecordTable, open_table

_BINARY = (".parquet", ".arrow", ".feather", ".xlsx", ".xlsm")


def left_out(source: Source, split: str, faults: Mapping[str, Sequence[str]]) -> Iterator[dict[str, Any]]:
    """What is at the places of faults: {place, reason, ...} with the fields of the record, or with its `line`.

    A line is verbatim: bytes that are not UTF-8 are lone surrogates in it, as Python's `surrogateescape` makes them.

    Args:
        source: where the rows come from.
        split: the source's own name for theirs.
        faults: "file:number" -> what is wrong there.
    """
    wanted: dict[str, dict[int, str]] = {}
    for place, reasons in faults.items():
        name, _, number = place.rpartition(":")
        if number.isdigit():
            wanted.setdefault(name, {})[int(number)] = "; ".join(dict.fromkeys(reasons))
    tables = {table.name: table for table in source.tables(split, Problems(source.name))}
    for name, here in wanted.items():
        path = Path(name)
        if name not in tables and path.is_file() and plain_suffix(path) in READABLE:  # such as a corpus
            tables[name] = open_table(path)
        if name in tables:
            yield from _of_table(tables[name], here)


def _of_table(table: RecordTable, reasons: Mapping[int, str]) -> Iterator[dict[str, Any]]:
    """The records at these numbers; where none can be read, the lines up to the next record or fault."""
    numbers = sorted(reasons)
    ends, waiting = dict(zip(numbers, [*numbers[1:], None], strict=True)), list(reversed(numbers))
    for number, record in table.records:
        while waiting and waiting[-1] < number:
            first = waiting.pop()
            ends[first] = min(number, ends[first] or number)
        if number in reasons:  # of an array, several records can begin in one line
            del waiting[len(waiting) - (waiting[-1:] == [number]) :]
            ends.pop(number, None)
            yield removed_record(table.place(number), reasons[number], record)
    if ends and plain_suffix(Path(table.name)) not in _BINARY:
        for number, lines in _lines(Path(table.name), ends):
            yield {"place": table.place(number), "reason": reasons[number], "line": lines}


def _lines(path: Path, ends: Mapping[int, int | None]) -> Iterator[tuple[int, str]]:
    """(first number, text) of the lines from each number up to its end, the end of the file where it is None."""
    found: list[bytes] = []
    first: int | None = None
    with open_bytes(path) as stream:
        for number, raw in enumerate(stream, 1):
            if first is not None and number == ends[first]:
                yield first, _text(found)
                first = None
            if number in ends:
                first, found = number, []
            if first is not None:
                found.append(raw)
    if first is not None:
        yield first, _text(found)


def _text(lines: Sequence[bytes]) -> str:
    return b"".join(lines).decode("utf-8", "surrogateescape").rstrip("\r\n")
