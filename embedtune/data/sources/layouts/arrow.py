"""Arrow files, as `datasets` and pandas write them: a stream of batches, or a file (Feather) that can be jumped in."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedtune.data.signals.arrow import arrow_rows
from embedtune.data.sources.layouts.places import open_at_random
from embedtune.data.sources.problems import Problems
from embedtune.data.sources.streams import sha256
from embedtune.errors import reason_of

if TYPE_CHECKING:
    import pyarrow

_FILE = b"ARROW1"
"""What a file begins with, and a stream does not."""
_FEATURES = b"huggingface"
"""Where `datasets` keeps what its columns mean."""


def arrow_records(
    path: Path, problems: Problems, notes: list[str] | None = None
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Row numbers from 1 and records, one batch in memory at a time; nothing is noted about how it is understood.

    Raises:
        DataError: the file is damaged, or has no rows.
    """
    import pyarrow  # noqa: PLC0415  (slow to import, and few files are Arrow)

    number = 0
    sha256(path)  # before and after, so that within `unchanged_inputs` both must be the same
    try:
        with open_at_random(path) as stream:
            begins = stream.read(len(_FILE))
            stream.seek(0)
            for batch in _batches(stream, is_file=begins == _FILE):
                batch.validate(full=True)  # or a damaged file would be read beyond its end, and end the process
                classes = class_names(batch.schema)
                # A text that is stored once for many rows becomes one text per row here.
                shared = any(pyarrow.types.is_dictionary(column.type) for column in batch.schema)
                rows = 16 if shared else 4096
                for start in range(0, batch.num_rows, rows):
                    for record in arrow_rows(batch.slice(start, rows)):
                        number += 1
                        yield number, with_class_names(record, classes)
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError, OverflowError, MemoryError) as error:
        raise problems.stop(str(path), f"the file cannot be read as Arrow: {reason_of(error)}") from error
    if number == 0:
        raise problems.stop(str(path), "the file is empty: columns and no rows")
    sha256(path)


def _batches(stream: Any, *, is_file: bool) -> Iterator["pyarrow.RecordBatch"]:
    import pyarrow.ipc  # noqa: PLC0415

    if not is_file:
        with pyarrow.ipc.open_stream(stream) as opened:
            yield from opened
        return
    with pyarrow.ipc.open_file(stream) as opened:
        yield from (opened.get_batch(number) for number in range(opened.num_record_batches))


def has_rows(path: Path) -> bool:
    """Whether a table has rows; true also of one that is damaged, which is found out when it is read.

    `datasets` writes shards without rows where there are more shards than rows.
    """
    import pyarrow.parquet  # noqa: PLC0415

    if path.suffix.lower() not in (".parquet", ".arrow"):
        return True
    try:
        with open_at_random(path) as stream:
            if path.suffix.lower() == ".parquet":
                return pyarrow.parquet.ParquetFile(stream).metadata.num_rows > 0
            return any(batch.num_rows for batch in _batches(stream, is_file=False))
    except (pyarrow.ArrowException, OSError, OverflowError, MemoryError):
        return True


def class_names(schema: "pyarrow.Schema") -> dict[str, Sequence[str]]:
    """Column -> the names of its classes, where `datasets` noted them: 0 is then the first name."""
    try:
        noted = json.loads((schema.metadata or {}).get(_FEATURES, b"{}"))
        features = noted.get("info", {}).get("features", {})
        return {name: one["names"] for name, one in features.items() if _names_classes(one)}
    except (ValueError, AttributeError, RecursionError):  # it is a note, not the data
        return {}


def _names_classes(feature: Any) -> bool:
    names = feature.get("names") if isinstance(feature, Mapping) else None
    return isinstance(names, list) and bool(names) and all(isinstance(name, str) for name in names)


def with_class_names(record: dict[str, Any], classes: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """The record with class numbers as names, so that `entailment` is not 0; -1, which stands for no class, as None."""
    for column, names in classes.items():
        value = record.get(column)
        if isinstance(value, int) and -1 <= value < len(names):
            record[column] = None if value == -1 else names[value]
    return record
