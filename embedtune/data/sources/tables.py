"""Files as records: one dict of named fields at a time, whatever the kind of file.

Each kind of file has one reader in `reading`. What the fields mean is decided in `embedtune.data.formats`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

from embedtune.data.signals.columns import named_signals
from embedtune.data.sources.layouts.arrow import arrow_records
from embedtune.data.sources.layouts.places import is_there
from embedtune.data.sources.problems import ADD_ROWS, NO_ROWS, Problems
from embedtune.data.sources.reading.delimited import delimited
from embedtune.data.sources.reading.json_records import json_records
from embedtune.data.sources.reading.parquet import parquet_records
from embedtune.data.sources.reading.sheets import sheet_records
from embedtune.data.sources.streams import lines, missing, plain_suffix, refuse_odd
from embedtune.errors import DataError

Record = tuple[int, dict[str, Any]]
_LOOKED_AT = 50  # records whose fields together are the columns: JSON lines may leave fields out
_SHEETS = (".xls", ".xlsb", ".ods")
Read = Callable[[Path, Problems, list[str]], Iterator[Record]]


@dataclass(frozen=True)
class RecordTable:
    """Records in order, from a file or a split of a Hub set.

    Args:
        name: the file as the user named it.
        kind: what it is: "JSONL", "CSV" ...
        records: line (or row) number and fields; can be read once.
        problems: gathers faults.
        notes: gathers sentences about how the file was understood, such as its separator.
    """

    name: str
    kind: str
    records: Iterator[Record]
    problems: Problems
    notes: list[str] = field(default_factory=list)

    def place(self, number: int) -> str:
        """ "name:number", for messages."""
        return f"{self.name}:{number}"


def open_table(path: Path, problems: Problems | None = None) -> RecordTable:
    """The records of a file, whose suffix decides its kind.

    Raises:
        DataError: there is no such file, or its suffix is not one of `READABLE`.
    """
    kind, reader = check_suffix(path)
    problems, notes = problems or Problems(str(path)), list[str]()
    problems.notes = notes
    records = named_signals(reader(path, problems, notes), path, problems)
    return RecordTable(str(path), kind, records, problems, notes)


def look_ahead(table: RecordTable) -> tuple[RecordTable, list[str]]:
    """The table with all its records still to be read, and its columns: those of the first records together.

    Raises:
        DataError: there are no rows.
    """
    head = list(islice(table.records, _LOOKED_AT))
    if not head:
        table.problems.raise_if_any()
        raise table.problems.stop(table.name, NO_ROWS, hint=ADD_ROWS)
    columns = list(dict.fromkeys(column for _, record in head for column in record))
    return replace(table, records=chain(head, table.records)), columns


def check_suffix(path: Path) -> tuple[str, Read]:
    """The name of a file's kind, and its reader.

    Raises:
        DataError: there is no such file, it is a pipe, or its suffix is not one of `READABLE`.
    """
    suffix = plain_suffix(path)
    refuse_odd(path)
    if not is_there(path):
        raise missing(path)
    if suffix in _SHEETS:
        raise DataError(
            f"spreadsheets ({suffix}) are not read", where=str(path), next="save the sheet as .xlsx or CSV UTF-8"
        )
    if suffix not in _KINDS:
        raise DataError(
            f"cannot tell what kind of file this is from its suffix {path.suffix!r}",
            where=str(path),
            next=f"use {', '.join(READABLE)}, optionally followed by .gz or .zst",
        )
    return _KINDS[suffix]


def _plain_records(path: Path, problems: Problems, notes: list[str]) -> Iterator[Record]:
    return ((number, {"text": line.strip()}) for number, line in lines(path, problems) if line.strip())


_KINDS: dict[str, tuple[str, Read]] = {
    ".jsonl": ("JSONL", json_records),
    ".ndjson": ("JSONL", json_records),
    ".json": ("JSON", json_records),
    ".csv": ("CSV", delimited(",")),
    ".tsv": ("TSV", delimited("\t")),
    ".xlsx": ("Excel", sheet_records),
    ".xlsm": ("Excel", sheet_records),
    ".parquet": ("Parquet", parquet_records),
    ".arrow": ("Arrow", arrow_records),
    ".feather": ("Arrow", arrow_records),
    ".txt": ("plain text", _plain_records),
}
READABLE = tuple(_KINDS)
