"""Files as lines of text: decompressed, encodings checked, one line in memory at a time."""

import codecs
import gzip
import hashlib
import io
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import cast

from embedtune.data.sources.layouts.places import entries, is_folder, open_file
from embedtune.data.sources.problems import Problems
from embedtune.errors import DataError

COMPRESSED = (".gz", ".zst", ".zstd")
# How files of other kinds begin, so that a wrong suffix gets a clear message instead of a decoding error.
_BEGINNINGS = {
    b"\x1f\x8b": "a gzip file; give its name the suffix .gz",
    b"\x28\xb5\x2f\xfd": "a zstd file; give its name the suffix .zst",
    b"PAR1": "a Parquet file; give its name the suffix .parquet",
    b"PK\x03\x04": "a zip or Excel file; unpack it, or save the sheet as CSV UTF-8",
    b"%PDF": "a PDF file; extract its text first",
    b"\xff\xfe": "UTF-16 text; save it as UTF-8",
    b"\xfe\xff": "UTF-16 text; save it as UTF-8",
}
LONGEST_LINE = 512 * 2**20
"""Bytes; a small compressed file can hold a line that no memory holds."""
_LOOKED_AT = 4096  # bytes that decide whether this is text
_BOM = b"\xef\xbb\xbf"


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
    """The file's bytes, decompressed.

    Raises:
        DataError: the file cannot be opened, or its compression is broken.
    """
    try:
        if path.suffix.lower() == ".gz":
            with open_file(path) as stored, gzip.open(stored, "rb") as stream:
                yield cast(io.BufferedReader, stream)  # it has the methods of one
        elif path.suffix.lower() in COMPRESSED:
            # pyarrow and not zstandard, whose reader takes a truncated file for a shorter one.
            import pyarrow  # noqa: PLC0415  (a third of a second that plain files need not pay)

            with open_file(path) as stored, pyarrow.input_stream(stored, compression="zstd") as stream:
                yield io.BufferedReader(stream)
        else:
            with open_file(path) as stream:
                yield io.BufferedReader(cast(io.RawIOBase, stream))
    except (OSError, EOFError, zlib.error) as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: Exception) -> DataError:
    """The error for a file that cannot be opened or decompressed."""
    if isinstance(error, PermissionError):
        return DataError("no permission to read this file", where=str(path), next="check its permissions")
    if path.suffix.lower() in COMPRESSED and not isinstance(error, FileNotFoundError):
        return DataError(
            f"the {path.suffix} compression is broken or truncated ({error})", where=str(path), next="copy it again"
        )
    return DataError(f"the file cannot be read ({error})", where=str(path))


def lines(path: Path, problems: Problems) -> Iterator[tuple[int, str]]:
    """Line numbers from 1 and decoded lines with their ends; broken lines are noted in `problems` and repaired.

    Raises:
        DataError: the file is empty, binary, or cannot be read.
    """
    offset, number = 0, 0
    with open_bytes(path) as stream:
        _refuse_binary(path, stream.peek(_LOOKED_AT)[:_LOOKED_AT], problems)
        while raw := stream.readline(LONGEST_LINE + 1):
            number += 1
            if len(raw) > LONGEST_LINE:
                raise problems.stop(f"{path}:{number}", f"the line is longer than {LONGEST_LINE:,} bytes")
            yield number, _decoded(raw, f"{path}:{number}", offset, problems)
            offset += len(raw)
    if offset == 0:
        raise problems.stop(str(path), "the file is empty")


def _refuse_binary(path: Path, head: bytes, problems: Problems) -> None:
    for beginning, what in _BEGINNINGS.items():
        if head.startswith(beginning):
            raise problems.stop(str(path), f"this is not text: it begins like {what}")
    try:
        # The head may end within a character, so the decoder is incremental and expects more.
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        # One NUL may be an accident in a text; NULs among bytes that are not UTF-8 mean binary data.
        if b"\0" in head:
            raise problems.stop(str(path), "this is a binary file, not UTF-8 text") from None


def _decoded(raw: bytes, where: str, offset: int, problems: Problems) -> str:
    if offset == 0:
        raw = raw.removeprefix(_BOM)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        what = f"broken UTF-8: byte 0x{raw[error.start]:02x} at offset {offset + error.start:,} of the file"
        problems.add(where, what, hint=_other_encoding(raw))
        text = raw.decode("utf-8", errors="replace")
    if "\0" in text:
        problems.add(where, f"a NUL character at column {text.index(chr(0)) + 1}")
        text = text.replace("\0", " ")
    return text


def _other_encoding(raw: bytes) -> str:
    try:
        korean = any("가" <= letter <= "힣" for letter in raw.decode("cp949"))
    except UnicodeDecodeError:
        korean = False
    if korean:
        return "it reads as CP949 (Korean Windows): iconv -f CP949 -t UTF-8 FILE > NEW_FILE"
    return "save the file as UTF-8"


def sha256(path: Path) -> str:
    """Hex digest of the file's bytes on disk."""
    with open_file(path) as stream:
        return hashlib.file_digest(cast(io.BufferedReader, stream), "sha256").hexdigest()


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
    """The error for a path that does not exist; it suggests similar names."""
    parent = path.parent
    if not is_folder(parent):
        return DataError(f"no such file or folder; {parent} does not exist either", where=str(path))
    names = [entry.name for entry in entries(parent)]
    near = get_close_matches(path.name, names, n=3, cutoff=0.75)
    advice = f"did you mean {' or '.join(str(parent / name) for name in near)}?" if near else None
    return DataError("no such file or folder", where=str(path), next=advice)
