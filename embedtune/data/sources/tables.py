"""Files as records: one dict of named fields at a time, whatever the kind of file.

Each kind of file has one function here. What the fields mean is decided in `embedtune.data.formats`.
"""

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

from embedtune.data.sources.layouts.arrow import arrow_records, class_names, with_class_names
from embedtune.data.sources.layouts.places import is_there, open_at_random
from embedtune.data.sources.problems import Problems
from embedtune.data.sources.streams import lines, missing, plain_suffix
from embedtune.errors import DataError
from embedtune.findings import counted, kind_of

Record = tuple[int, dict[str, Any]]
_LOOKED_AT = 50  # records whose fields together are the columns: JSON lines may leave fields out
_WIDEST_FIELD = 2**31 - 1  # characters; the default limit of the csv module is 131,072


@dataclass(frozen=True)
class RecordTable:
    """Records in order, from a file or a split of a Hub set.

    Args:
        name: the file as the user named it.
        kind: what it is: "JSONL", "CSV" ...
        records: line (or row) number and fields; can be read once.
        problems: gathers faults.
    """

    name: str
    kind: str
    records: Iterator[Record]
    problems: Problems

    def place(self, number: int) -> str:
        """ "name:number", for messages."""
        return f"{self.name}:{number}"


def open_table(path: Path, problems: Problems | None = None) -> RecordTable:
    """The records of a file, whose suffix decides its kind.

    Raises:
        DataError: there is no such file, or its suffix is not one of `READABLE`.
    """
    kind, reader = check_suffix(path)
    problems = problems or Problems(str(path))
    return RecordTable(str(path), kind, reader(path, problems), problems)


def look_ahead(table: RecordTable) -> tuple[RecordTable, list[str]]:
    """The table with all its records still to be read, and its columns: those of the first records together.

    Raises:
        DataError: there are no rows.
    """
    head = list(islice(table.records, _LOOKED_AT))
    if not head:
        table.problems.raise_if_any()
        raise table.problems.stop(table.name, "there are no rows")
    columns = list(dict.fromkeys(column for _, record in head for column in record))
    return replace(table, records=chain(head, table.records)), columns


def check_suffix(path: Path) -> tuple[str, Callable[[Path, Problems], Iterator[Record]]]:
    """The name of a file's kind, and its reader.

    Raises:
        DataError: there is no such file, or its suffix is not one of `READABLE`.
    """
    suffix = plain_suffix(path)
    if not is_there(path):
        raise missing(path)
    if suffix not in _KINDS:
        raise DataError(
            f"cannot tell what kind of file this is from its suffix {path.suffix!r}",
            where=str(path),
            next=f"use {', '.join(READABLE)}, optionally followed by .gz or .zst",
        )
    return _KINDS[suffix]


def _json_records(path: Path, problems: Problems) -> Iterator[Record]:
    numbered = lines(path, problems)
    for number, line in numbered:
        if line.strip():
            every = chain([(number, line)], numbered)
            # The content decides, not .json or .jsonl: people and tools mix the two up.
            if line.lstrip().startswith("["):
                return _array_records(path, every, problems)
            _refuse_spread(path, number, line, problems)
            return _line_records(path, every, problems)
    raise problems.stop(str(path), "the file has nothing but blank lines")


def _refuse_spread(path: Path, number: int, line: str, problems: Problems) -> None:
    """Refuse an object over several lines: each line would be a fault of its own."""
    try:
        json.loads(line)
    except json.JSONDecodeError as error:
        if line.lstrip().startswith("{") and error.pos >= len(line.rstrip()):
            what = "a JSON object continues after this line; use one object per line, or one array of objects"
            raise problems.stop(f"{path}:{number}", what) from error
    except (ValueError, RecursionError):
        return


def _line_records(path: Path, numbered: Iterator[tuple[int, str]], problems: Problems) -> Iterator[Record]:
    for number, line in numbered:
        if not line.strip():
            continue
        try:
            record = json.loads(line.rstrip(), object_pairs_hook=_unrepeated)
        except (ValueError, RecursionError) as error:
            problems.add(f"{path}:{number}", _json_fault(error))
            continue
        if isinstance(record, dict):
            yield number, record
        else:
            problems.add(f"{path}:{number}", f"got {kind_of(record)}; {_NAMED}")


def _array_records(path: Path, numbered: Iterator[tuple[int, str]], problems: Problems) -> Iterator[Record]:
    # An array may break its lines anywhere, so all of its text is in memory; the records are still made one by one.
    text = "".join(line for _, line in numbered)
    decoder = json.JSONDecoder(object_pairs_hook=_unrepeated)
    at, line, counted = text.index("[") + 1, 1, 0
    while True:
        at = _past_blanks(text, at)
        line, counted = line + text.count("\n", counted, at), at
        if text[at : at + 1] == "]":
            break
        try:
            record, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            raise problems.stop(f"{path}:{line}", _json_fault(error)) from error
        if not isinstance(record, dict):
            raise problems.stop(f"{path}:{line}", f"the array holds {kind_of(record)}; {_NAMED}")
        yield line, record
        at = _past_blanks(text, at)
        if text[at : at + 1] not in {",", "]"}:
            raise problems.stop(
                f"{path}:{line}", "invalid JSON: the entry that begins here must be followed by ',' or ']'"
            )
        at += text[at] == ","
    if _past_blanks(text, at + 1) < len(text):
        what = "more than one JSON array; use one array of objects, or one object per line"
        raise problems.stop(f"{path}:{line + text.count(chr(10), counted, _past_blanks(text, at + 1))}", what)


_NAMED = "use objects with named fields, since order never decides which text is which"


def _past_blanks(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the field {twice!r} appears twice in one object")
    return record


def _json_fault(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        at = f"column {error.colno}" if error.pos < len(error.doc) else "the end of the line"
        return f"invalid JSON at {at}: {error.msg[0].lower()}{error.msg[1:]}"
    return f"invalid JSON: {error}"


def _delimited(delimiter: str) -> Callable[[Path, Problems], Iterator[Record]]:
    def records(path: Path, problems: Problems) -> Iterator[Record]:
        before = csv.field_size_limit(_WIDEST_FIELD)
        try:
            yield from _delimited_records(path, delimiter, problems)
        finally:
            csv.field_size_limit(before)

    return records


def _delimited_records(path: Path, delimiter: str, problems: Problems) -> Iterator[Record]:
    reader = csv.reader((line for _, line in lines(path, problems)), delimiter=delimiter, strict=True)
    header: list[str] | None = None
    while True:
        start = reader.line_num + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            what = "the double quote that opens here is never closed" if "end of data" in str(error) else f"{error}"
            problems.add(f"{path}:{start}", what, hint="put texts in double quotes and double the quotes in them")
            continue
        if not fields:
            continue
        if header is None:
            header = _header(path, fields, problems)
        elif len(fields) != len(header):
            what = f"got {counted(len(fields), 'field')} instead of {len(header)} ({', '.join(header)})"
            problems.add(f"{path}:{start}", what, hint="put texts that contain the separator in double quotes")
        else:
            yield start, dict(zip(header, fields, strict=True))


def _header(path: Path, fields: list[str], problems: Problems) -> list[str]:
    names = [name.strip() for name in fields]
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            raise problems.stop(f"{path}:1", f"the column {name!r} appears twice in the first line")
    return names


def _parquet_records(path: Path, problems: Problems) -> Iterator[Record]:
    import pyarrow.parquet  # noqa: PLC0415  (slow to import, and few files are Parquet)
    from pyarrow import ArrowException  # noqa: PLC0415

    number = 0
    try:
        with open_at_random(path) as stream, pyarrow.parquet.ParquetFile(stream) as table:
            classes = class_names(table.schema_arrow)
            for batch in table.iter_batches(batch_size=4096):
                for record in batch.to_pylist():
                    number += 1
                    yield number, with_class_names(record, classes)
    except (ArrowException, OSError, UnicodeDecodeError) as error:
        raise problems.stop(str(path), f"the file cannot be read as Parquet: {str(error).splitlines()[0]}") from error
    if number == 0:
        raise problems.stop(str(path), "the file is empty: a header and no rows")


def _plain_records(path: Path, problems: Problems) -> Iterator[Record]:
    return ((number, {"text": line.strip()}) for number, line in lines(path, problems) if line.strip())


_KINDS: dict[str, tuple[str, Callable[[Path, Problems], Iterator[Record]]]] = {
    ".jsonl": ("JSONL", _json_records),
    ".ndjson": ("JSONL", _json_records),
    ".json": ("JSON", _json_records),
    ".csv": ("CSV", _delimited(",")),
    ".tsv": ("TSV", _delimited("\t")),
    ".parquet": ("Parquet", _parquet_records),
    ".arrow": ("Arrow", arrow_records),
    ".feather": ("Arrow", arrow_records),
    ".txt": ("plain text", _plain_records),
}
READABLE = tuple(_KINDS)
