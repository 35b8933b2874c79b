"""Parquet files as records, in batches that fit in memory whatever the file claims.

A few kilobytes can claim millions of long texts: a text is stored once, and a row is a number that refers to it. So
texts that are stored that way are read that way, and what a batch would take in memory is known before it is made.
"""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from embedtune.data.signals.arrow import arrow_rows
from embedtune.data.sources.layouts.arrow import class_names, with_class_names
from embedtune.data.sources.layouts.places import open_at_random
from embedtune.data.sources.problems import Problems
from embedtune.data.sources.streams import open_bytes, refuse_foreign, sha256

if TYPE_CHECKING:
    import pyarrow
    from pyarrow.parquet import FileMetaData, ParquetFile

_BATCH = 1024  # rows
# Texts read as references cost four times as much, so only those of files in which a text may stand for many
# rows are: files of few rows, of few bytes per value, or compressed as no varied text is.
_FEW_ROWS, _FEW_BYTES, _COMPRESSED = 2**16, 16, 20
_EXPANDED, _RATIO = 256 * 2**20, 250  # bytes in memory, and times the file's size, beyond which it is none of texts
_ROWS_PER_BYTE = 4096  # no file of texts has more rows than that for each of its bytes


def parquet_records(path: Path, problems: Problems, notes: list[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Numbers of rows from 1, and fields by column.

    The file is read here and there, so its bytes are hashed before and after: within `unchanged_inputs`, both must be
    the same.

    Raises:
        DataError: it is no Parquet file, it is broken or empty, or its rows take far more memory than texts do.
        ChangedInputError: it is not what it was earlier.
    """
    import pyarrow.parquet  # noqa: PLC0415  (slow to import, and few files are Parquet)
    from pyarrow import ArrowException  # noqa: PLC0415

    with open_bytes(path) as stream:
        refuse_foreign(path, stream.peek(64)[:64].removeprefix(b"PAR1"), problems)
    sha256(path)
    number = 0
    try:
        with open_at_random(path) as stored:
            file = _Stored(path, stored.seek(0, io.SEEK_END))
            with pyarrow.parquet.ParquetFile(stored) as table:
                shared, schema = _shared_texts(file, table), table.schema_arrow
            with pyarrow.parquet.ParquetFile(stored, read_dictionary=shared) as table:
                _refuse_large(file, table, problems)
                classes = class_names(schema)
                for batch in table.iter_batches(batch_size=_BATCH):
                    _refuse_expanded(file, batch, number, problems)
                    for record in arrow_rows(batch.cast(schema)):
                        number += 1
                        yield number, with_class_names(record, classes)
    except (ArrowException, OSError, UnicodeDecodeError, OverflowError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise problems.stop(str(path), f"the file cannot be read as Parquet: {reason}") from error
    if number == 0:
        raise problems.stop(str(path), "the file is empty: a header and no rows")
    sha256(path)


class _Stored(NamedTuple):
    """A file, and its bytes as they are stored."""

    path: Path
    size: int


def _shared_texts(file: _Stored, table: "ParquetFile") -> list[str]:
    """Paths of the columns of texts, where a text that is stored once may stand for many rows."""
    metadata = table.metadata
    if not _may_repeat(file.size, metadata):
        return []
    columns = [table.schema.column(place) for place in range(metadata.num_columns)]
    return [
        column.path
        for column in columns
        if column.physical_type == "BYTE_ARRAY" and column.logical_type.type == "STRING"
    ]


def _may_repeat(file_size: int, metadata: "FileMetaData") -> bool:
    # Only sums of whole groups are asked for: what a damaged file says of a column ends the process within pyarrow.
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    values = [(group.num_rows, group.total_byte_size) for group in groups]
    few = any(rows <= _FEW_ROWS or size < _FEW_BYTES * rows * metadata.num_columns for rows, size in values)
    return few or sum(size for _, size in values) > _COMPRESSED * file_size


def _refuse_large(file: _Stored, table: "ParquetFile", problems: Problems) -> None:
    size, metadata = file.size, table.metadata
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    stored = max((group.total_byte_size for group in groups), default=0)
    if stored > max(_EXPANDED, _RATIO * size) or metadata.num_rows > _ROWS_PER_BYTE * size:
        raise _bomb(file, f"{metadata.num_rows:,} rows", problems)


def _refuse_expanded(file: _Stored, batch: "pyarrow.RecordBatch", before: int, problems: Problems) -> None:
    needed = sum(_in_memory(column) for column in batch.columns)
    if needed > max(_EXPANDED, _RATIO * file.size):
        raise _bomb(file, f"{batch.num_rows:,} rows after row {before:,}", problems)


def _bomb(file: _Stored, what: str, problems: Problems) -> Exception:
    return problems.stop(
        str(file.path),
        f"the file of {file.size:,} bytes claims {what} that take more than {_RATIO} times as much memory, as no "
        "texts do",
        hint="write the rows to a new file with the program that made this one",
    )


def _in_memory(column: "pyarrow.Array") -> int:
    """Bytes of a column once each row has texts of its own."""
    import pyarrow  # noqa: PLC0415
    from pyarrow import compute  # noqa: PLC0415

    kind = column.type
    if pyarrow.types.is_dictionary(kind):
        lengths = compute.binary_length(column.dictionary)  # (texts,)
        return int(compute.sum(lengths.take(column.indices)).as_py() or 0)
    if pyarrow.types.is_struct(kind):
        return sum(_in_memory(field) for field in column.flatten())
    if pyarrow.types.is_list(kind) or pyarrow.types.is_large_list(kind):
        return _in_memory(column.flatten())
    return int(column.nbytes)
