"""JSON as records: objects line by line, arrays of any length in pieces, and objects spread over lines."""

import json
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from embedtune.data.sources.problems import Problems
from embedtune.data.sources.reading import UNDERSTOOD
from embedtune.data.sources.reading.json_text import JsonText, json_advice, json_fault, unrepeated
from embedtune.data.sources.streams import pieces, whole_lines
from embedtune.findings import kind_of

NumberedRecord = tuple[int, dict[str, Any]]
_ROWS = ("data", "rows", "records", "examples", "items", "instances")
"""Names of the field that holds the rows, where a file is one object with other fields too."""
_NO_ROWS = ("paragraphs",)
"""Lists of objects that are a part of a row, even where a row has nothing else."""
_NAMED = "use objects with named fields, since order never decides which text is which"


def json_records(path: Path, problems: Problems, notes: list[str]) -> Iterator[NumberedRecord]:
    """The objects of a file with the lines in which they begin.

    The content decides how it is read, not .json or .jsonl: people and tools mix the two up.

    Raises:
        DataError: the file holds no objects, or reading cannot continue.
    """
    found = pieces(path, problems)
    for number, piece in found:
        if piece.strip():
            every = chain([(number, piece)], found)
            if piece.lstrip().startswith("["):
                return _array_records(path, JsonText(every), problems)
            return _objects(path, whole_lines(path, every, problems), problems, notes)
    raise problems.stop(str(path), "the file has nothing but blank lines")


def _objects(
    path: Path, numbered: Iterator[tuple[int, str]], problems: Problems, notes: list[str]
) -> Iterator[NumberedRecord]:
    number, line = next(numbered)
    every = chain([(number, line)], numbered)
    try:
        first = json.loads(line)
    except json.JSONDecodeError as error:
        # An object over several lines: each line would be a fault of its own.
        if line.lstrip().startswith("{") and error.pos >= len(line.rstrip()):
            return _spread_records(path, JsonText(every), problems, notes)
    except (ValueError, RecursionError):
        pass
    else:
        if rows_field(first) is not None:
            return _perhaps_wrapped(path, every, problems, notes)
    return _line_records(path, every, problems)


def rows_field(value: Any) -> str | None:
    """The field of an object that holds the rows of a whole file; None where the object is a row itself.

    >>> rows_field({"version": "1.1", "data": [{"anchor": "a"}]}), rows_field({"query": "a", "pos": [{"text": "b"}]})
    ('data', None)
    """
    if not isinstance(value, dict):
        return None
    tables = [name for name, one in value.items() if isinstance(one, list) and one and isinstance(one[0], dict)]
    alone = len(value) == 1 and not value.keys() & set(_NO_ROWS)
    return next((name for name in tables if name.lower() in _ROWS or alone), None)


def _perhaps_wrapped(
    path: Path, numbered: Iterator[tuple[int, str]], problems: Problems, notes: list[str]
) -> Iterator[NumberedRecord]:
    """Lines of objects, or rows within the only object of the file."""
    first = next(numbered)
    second = next(((number, line) for number, line in numbered if line.strip()), None)
    if second is None:
        return _spread_records(path, JsonText(iter([first])), problems, notes)
    return _line_records(path, chain([first, second], numbered), problems)


def _line_records(path: Path, numbered: Iterator[tuple[int, str]], problems: Problems) -> Iterator[NumberedRecord]:
    for number, line in numbered:
        if not line.strip():
            continue
        try:
            record = json.loads(line.rstrip(), object_pairs_hook=unrepeated)
        except (ValueError, RecursionError) as error:
            problems.add(f"{path}:{number}", json_fault(error), hint=json_advice(line, error))
            continue
        if isinstance(record, dict):
            yield number, record
        else:
            problems.add(f"{path}:{number}", f"got {kind_of(record)}; {_NAMED}")


def _spread_records(path: Path, text: JsonText, problems: Problems, notes: list[str]) -> Iterator[NumberedRecord]:
    """Objects that each take several lines; of a single one that holds the rows in a field, these rows."""
    count = 0
    while not text.ended():
        line, start = text.line, text.mark()
        try:
            record = text.value()
        except (ValueError, RecursionError) as error:
            what = f"a JSON object continues after this line, and is broken: {text.fault(error)}"
            hint = "use one object per line, or one array of objects"
            raise problems.stop(f"{path}:{line}", what, hint=hint) from error
        if not isinstance(record, dict):
            raise problems.stop(f"{path}:{line}", f"got {kind_of(record)}; {_NAMED}")
        count += 1
        field = rows_field(record) if count == 1 and text.ended() else None
        if field is not None:
            notes.append(f"{path.name}: the rows are those of the field {field!r}, {UNDERSTOOD}")
            text.back_to(start)
            text.enter(field)
            yield from _entries(path, text, problems)
            return
        yield line, record


def _array_records(path: Path, text: JsonText, problems: Problems) -> Iterator[NumberedRecord]:
    text.ended()
    text.skip("[")
    yield from _entries(path, text, problems)
    if not text.ended():
        what = "more than one JSON array; use one array of objects, or one object per line"
        raise problems.stop(f"{path}:{text.line}", what)


def _entries(path: Path, text: JsonText, problems: Problems) -> Iterator[NumberedRecord]:
    """The objects of an array up to its end, from behind its bracket."""
    after_comma = False
    while not (text.next() == "]" and not after_comma):
        line = text.line
        if text.next() == "]":
            raise problems.stop(f"{path}:{line}", "a comma before the ']' that ends the array", hint="remove the comma")
        try:
            record = text.value()
        except (ValueError, RecursionError) as error:
            raise problems.stop(f"{path}:{line}", text.fault(error), hint=text.advice(error)) from error
        if not isinstance(record, dict):
            raise problems.stop(f"{path}:{line}", f"the array holds {kind_of(record)}; {_NAMED}")
        yield line, record
        if text.next() not in {",", "]"}:
            what = "invalid JSON: the entry that begins here must be followed by ',' or ']'"
            raise problems.stop(f"{path}:{line}", what)
        after_comma = text.next() == ","
        if after_comma:
            text.skip(",")
    text.skip("]")
