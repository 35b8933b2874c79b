"""Files as lines of text: decompressed, encodings checked, one line in memory at a time."""

import codecs
import gzip
import hashlib
import io
import shlex
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import cast

from embedtune.data.sources.layouts.places import POINTED, POINTER, entries, is_folder, is_pointer, open_file
from embedtune.data.sources.problems import Problems
from embedtune.data.sources.reading.decoding import TextDecoder, as_utf8
from embedtune.data.sources.reading.encodings import SAMPLE, wide_encoding
from embedtune.data.sources.reading.unchanged import watched
from embedtune.errors import DataError

COMPRESSED = (".gz", ".zst", ".zstd")
# How files of other kinds begin, so that a wrong suffix gets a clear message instead of a decoding error.
_BEGINNINGS = {
    POINTER: POINTED,
    b"\x1f\x8b": "a gzip file; give its name the suffix .gz",
    b"\x28\xb5\x2f\xfd": "a zstd file; give its name the suffix .zst",
    b"PAR1": "a Parquet file; give its name the suffix .parquet",
    b"PK\x03\x04": "a zip or Excel file; unpack it, or save the sheet as CSV UTF-8",
    b"%PDF": "a PDF file; extract its text first",
    b"SQLite format 3\0": "an SQLite database; export the table as CSV",
    b"\xd0\xcf\x11\xe0": "an old Excel or Word file; save the sheet as CSV UTF-8",
    b"ARROW1\0\0": "an Arrow file; write the table as Parquet",
}
_PAGE = (b"<!doctype html", b"<html", b"<head")
SHOWN = 8
"""Names of a folder that a message lists."""
LONGEST_LINE = 64 * 2**20
"""Characters; a small compressed file can hold a line that no memory holds."""
PIECE = 2**20
"""Bytes of a line that are read at a time."""
_LOOKED_AT = 4096  # bytes that decide whether this is text
_EXPANDED, _RATIO = 64 * 2**20, 200  # bytes, and times its size, beyond which a compressed file is none of texts


def plain_suffix(path: Path) -> str:
    """The suffix that says what the file holds, ignoring that of its compression.

    >>> plain_suffix(Path("pairs.JSONL.gz"))
    '.jsonl'
    """
    return _uncompressed(path).suffix.lower()


def plain_stem(path: Path) -> str:
    """The file's name without its suffix and that of its compression.

    >>> plain_stem(Path("qrels/test-unseen.tsv.zst"))
    'test-unseen'
    """
    return _uncompressed(path).stem


def _uncompressed(path: Path) -> Path:
    return Path(path.stem if path.suffix.lower() in COMPRESSED else path.name)


@contextmanager
def open_bytes(path: Path) -> Iterator[io.BufferedReader]:
    """The file's bytes, decompressed; within `unchanged_inputs`, they must be those of earlier readings.

    Raises:
        DataError: the file cannot be opened, it is a pipe or a device, or its compression is broken.
        ChangedInputError: they are not those of an earlier reading.
    """
    refuse_odd(path)
    try:
        with (
            open_file(path) as file,
            io.BufferedReader(watched(path, cast(io.RawIOBase, file)), SAMPLE) as plain,
        ):
            if path.suffix.lower() == ".gz":
                with gzip.GzipFile(fileobj=plain, mode="rb") as stream:
                    yield cast(io.BufferedReader, stream)  # it has the methods of one
            elif path.suffix.lower() in COMPRESSED:
                # pyarrow and not zstandard, whose reader takes a truncated file for a shorter one.
                import pyarrow  # noqa: PLC0415  (a third of a second that plain files need not pay)

                with pyarrow.input_stream(pyarrow.PythonFile(plain, mode="r"), compression="zstd") as stream:
                    yield io.BufferedReader(stream)
            else:
                yield cast(io.BufferedReader, plain)
    except (OSError, EOFError, zlib.error) as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: Exception) -> DataError:
    """The error for a file that cannot be opened or decompressed."""
    if isinstance(error, PermissionError):
        return DataError("no permission to read this file", where=str(path), next="check its permissions")
    if is_pointer(path):
        return DataError(f"this is not the data: the file begins like {POINTED}", where=str(path))
    if path.suffix.lower() in COMPRESSED and not isinstance(error, FileNotFoundError):
        return DataError(
            f"the {path.suffix} compression is broken or truncated ({error})", where=str(path), next="copy it again"
        )
    return DataError(f"the file cannot be read ({error})", where=str(path))


def lines(path: Path, problems: Problems) -> Iterator[tuple[int, str]]:
    """Line numbers from 1 and decoded lines with their ends; broken lines are noted in `problems` and repaired.

    Raises:
        DataError: the file is empty, binary, or cannot be read; or a line is longer than `LONGEST_LINE`.
    """
    return whole_lines(path, pieces(path, problems), problems)


def whole_lines(path: Path, found: Iterator[tuple[int, str]], problems: Problems) -> Iterator[tuple[int, str]]:
    """Lines of the pieces of a file.

    Raises:
        DataError: a line is longer than `LONGEST_LINE`.
    """
    parts: list[str] = []
    length = 0
    number = 0
    for number, text in found:
        length += len(text)
        if length > LONGEST_LINE:
            raise problems.stop(f"{path}:{number}", f"the line is longer than {LONGEST_LINE:,} characters")
        if text.endswith("\n"):
            yield number, "".join((*parts, text)) if parts else text
            parts, length = [], 0
        else:
            parts.append(text)
    if parts:
        yield number, "".join(parts)


def pieces(path: Path, problems: Problems) -> Iterator[tuple[int, str]]:
    """As `lines`, but a line longer than `PIECE` comes in several pieces, each with the number of its line.

    Raises:
        DataError: the file is empty, binary, or cannot be read.
    """
    size = path.stat().st_size if path.suffix.lower() in COMPRESSED and path.exists() else 0
    with open_bytes(path) as opened:
        stream, head = opened, opened.peek(SAMPLE)
        wide = wide_encoding(head[:_LOOKED_AT])
        if wide is None:
            _refuse_binary(path, head[:_LOOKED_AT], problems)
        else:
            stream, head = as_utf8(opened, wide, path, problems), b""
        decode = TextDecoder(path, problems, head[:SAMPLE])
        number, rest = 1, b""
        while raw := _line(stream, path, problems):
            raw = rest + raw
            cut = len(raw) if raw.endswith(b"\n") else _whole_characters(raw)
            if decode.offset > _EXPANDED and size and decode.offset > _RATIO * size:
                raise problems.stop(
                    f"{path}:{number}",
                    f"the file expands to more than {_RATIO} times its size of {size:,} bytes, as no texts do",
                    hint="unpack it and look at it",
                )
            raw, rest = raw[:cut], raw[cut:]
            if raw:
                yield number, decode(raw, number, stream)
            number += raw.endswith(b"\n")
        if rest:
            yield number, decode(rest, number, stream)
    if decode.offset == 0:
        raise problems.stop(str(path), "the file is empty", hint="see whether it was written or copied to its end")


def _line(stream: io.BufferedReader, path: Path, problems: Problems) -> bytes:
    try:
        return stream.readline(PIECE)
    except UnicodeDecodeError as error:  # of UTF-16 and UTF-32
        what = f"broken {error.encoding.upper()}: {error.reason}"
        raise problems.stop(str(path), what, hint="save the file as UTF-8") from error


def _whole_characters(raw: bytes) -> int:
    """How many bytes there are before a character that is cut at the end."""
    for back in range(1, min(4, len(raw) + 1)):
        if raw[-back] >= 0xC0:  # the first byte of a character, which says how many it has
            length = 2 if raw[-back] < 0xE0 else 3 if raw[-back] < 0xF0 else 4
            return len(raw) - back if back < length else len(raw)
        if raw[-back] < 0x80:
            break
    return len(raw)


def refuse_foreign(path: Path, head: bytes, problems: Problems) -> None:
    """Refuse a file that begins like one of another kind, whatever its suffix says.

    Raises:
        DataError: names the kind, and what to do.
    """
    found = next((what for beginning, what in _BEGINNINGS.items() if head.startswith(beginning)), None)
    if head.lstrip()[:20].lower().startswith(_PAGE):
        found = "a web page; download the file itself, not the page that shows it"
    if found is not None:
        raise problems.stop(str(path), f"this is not the data: the file begins like {found}")


def _refuse_binary(path: Path, head: bytes, problems: Problems) -> None:
    refuse_foreign(path, head, problems)
    try:
        # The head may end within a character, so the decoder is incremental and expects more.
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        # One NUL may be an accident in a text; NULs among bytes that are not UTF-8 mean binary data.
        if b"\0" in head:
            raise problems.stop(str(path), "this is a binary file, not UTF-8 text") from None


def sha256(path: Path) -> str:
    """Hex digest of the file's bytes on disk.

    Raises:
        DataError: it cannot be read.
        ChangedInputError: as of `open_bytes`.
    """
    refuse_odd(path)
    try:
        with open_file(path) as file:
            # Twice hashed where inputs are watched, which keeps this the one place that knows what was read.
            return hashlib.file_digest(
                io.BufferedReader(watched(path, cast(io.RawIOBase, file)), PIECE), "sha256"
            ).hexdigest()
    except OSError as error:
        raise unreadable(path, error) from error


def refuse_odd(path: Path) -> None:
    """Refuse a name that is neither a file, nor a folder, nor free.

    Raises:
        DataError: the name is invalid, or it is a circular or dangling link, a pipe or a device, which can be read
            only once.
    """
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        if path.is_symlink():
            raise DataError(
                "this is a link to something that does not exist",
                where=str(path),
                next=f"it points to {path.readlink()}",
            ) from None
        return
    except PermissionError as error:
        raise unreadable(path, error) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"this name cannot be opened: {reason}", where=str(path)[:200]) from error
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise DataError(
            "this is a pipe or a device, but data is read more than once",
            where=str(path),
            next="write the data to a file first, and name that",
        )


def missing(path: Path) -> DataError:
    """The error for a path that does not exist; it suggests similar names, and options of their own for several."""
    several = [part for part in str(path).split(",") if part]
    if len(several) > 1 and all(Path(part).exists() for part in several):
        return DataError(
            f"no such file or folder; this joins the names of {len(several)} that exist",
            where=str(path),
            next=f"name each with an option of its own: --data {' --data '.join(map(shlex.quote, several))}",
        )
    parent = path.parent
    if not is_folder(parent):
        return DataError(
            f"no such file or folder; {parent} does not exist either", where=str(path), next="check the path"
        )
    names = [entry.name for entry in entries(parent)]
    near = get_close_matches(path.name, names, n=3, cutoff=0.75)
    listed = ", ".join(sorted(name for name in names if not name.startswith("."))[:SHOWN])
    there = f"check the name; {parent.resolve()} has {listed or 'no files'}" + (", ..." if len(names) > SHOWN else "")
    advice = f"did you mean {' or '.join(str(parent / name) for name in near)}?" if near else there
    return DataError("no such file or folder", where=str(path), next=advice)
