"""Files and folders, on disk or within a zip archive: `sets.zip/scifact/corpus.jsonl` is a path like any other.

Nothing is unpacked: members are read as they are decompressed, so no name in an archive can lead out of it, and nothing
is left behind. Archives that would unpack to very much more than they hold are refused, as are those with passwords.
"""

import io
import lzma
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from embedtune.errors import DataError

ARCHIVE = ".zip"
POINTER = b"version https://git-lfs.github.com/spec/"
POINTED = "a Git LFS pointer, not the data; fetch the data with: git lfs pull"
MOST_MEMBERS = 100_000
HARMLESS = 2**26
"""Bytes that any archive may unpack to."""
MOST_RATIO = 200
"""How many times its own size a larger archive may unpack to; texts compress about 3 to 20 times."""
_READ = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA})
_ENCRYPTED = 0x1
_FAULTS = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError, ValueError, IndexError)
"""What damaged archives end in."""
_LEFT_BY_SYSTEMS = ("__MACOSX", "Thumbs.db", "desktop.ini")


def archive_of(path: Path) -> tuple[Path, str] | None:
    """The archive that a path leads into and the rest of the path, "" for the archive itself; None for other paths."""
    for number, part in enumerate(path.parts, 1):
        if part.lower().endswith(ARCHIVE):
            archive = Path(*path.parts[:number])
            if archive.is_file():
                return archive, "/".join(path.parts[number:])
    return None


def on_disk(path: Path) -> Path:
    """The file or folder of the system that holds what a path names: the archive, of what is in one."""
    inside = archive_of(path)
    return path if inside is None else inside[0]


def is_folder(path: Path) -> bool:
    """Whether it is a folder, or an archive, which is one to its readers."""
    inside = archive_of(path)
    if inside is None:
        return path.is_dir()
    names = _names(inside[0])
    return not inside[1] or any(name.startswith(f"{inside[1]}/") for name in names)


def is_there(path: Path) -> bool:
    """Whether there is such a file or folder."""
    inside = archive_of(path)
    return path.exists() if inside is None else inside[1] in _names(inside[0]) or is_folder(path)


def entries(folder: Path) -> list[Path]:
    """What is directly in a folder, by name, without what is hidden; empty where there is no such folder.

    Raises:
        PermissionError: the folder may not be listed.
        DataError: the archive cannot be used.
    """
    inside = archive_of(folder)
    if inside is None:
        found = folder.iterdir() if folder.is_dir() else iter(())
    else:
        within = f"{inside[1]}/" if inside[1] else ""
        names = (name[len(within) :].split("/")[0] for name in _names(inside[0]) if name.startswith(within))
        found = (folder / name for name in set(names))
    return sorted(path for path in found if not path.name.startswith(".") and path.name not in _LEFT_BY_SYSTEMS)


def files_in(folder: Path) -> list[Path]:
    """The files directly in a folder, by name, without hidden ones."""
    inside = archive_of(folder)
    names = {} if inside is None else _names(inside[0])
    below = f"{inside[1]}/" if inside and inside[1] else ""
    return [path for path in entries(folder) if (f"{below}{path.name}" in names if inside else path.is_file())]


def folders_in(folder: Path) -> list[Path]:
    """The folders directly in a folder, by name, without hidden ones."""
    own = set(files_in(folder))
    return [path for path in entries(folder) if path not in own and (archive_of(folder) or path.is_dir())]


@contextmanager
def open_file(path: Path) -> Iterator[IO[bytes]]:
    """The bytes of a file as they are stored, wherever it is.

    Raises:
        OSError: it cannot be read.
        DataError: the archive that it is in cannot be used.
    """
    inside = archive_of(path)
    if inside is None:
        with path.open("rb") as stream:
            yield stream
        return
    archive, name = inside
    if name not in _names(archive):
        raise FileNotFoundError(f"there is no {name} in {archive.name}")
    member = _Member(archive, _names(archive)[name])
    with member, io.BufferedReader(member) as stream:
        yield stream


class _Member(io.RawIOBase):
    """The bytes of one file in an archive, whose faults of every kind are one."""

    def __init__(self, archive: Path, name: str) -> None:
        self._archive = archive
        try:
            with zipfile.ZipFile(archive) as opened:
                self._stream = cast(io.BufferedIOBase, opened.open(name))  # it keeps the archive open
        except (*_FAULTS, NotImplementedError, RuntimeError) as error:
            raise _damaged(archive) from error

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any) -> int:
        """As of any stream."""
        try:
            return self._stream.readinto(buffer)
        except _FAULTS as error:
            raise _damaged(self._archive) from error

    def close(self) -> None:
        """Close the archive as well."""
        if not self.closed and hasattr(self, "_stream"):
            self._stream.close()
        super().close()


@contextmanager
def open_at_random(path: Path) -> Iterator[IO[bytes]]:
    """As `open_file`, for readers that jump to and fro: a member of an archive is copied to an unnamed file first.

    The system removes that file with the process, however it ends.
    """
    if archive_of(path) is None:
        with path.open("rb") as stream:
            yield stream
        return
    with open_file(path) as stream, tempfile.TemporaryFile() as copy:
        while part := stream.read(2**20):
            copy.write(part)
        copy.seek(0)
        yield copy


def _names(archive: Path) -> Mapping[str, str]:
    facts = archive.stat()
    return _members(archive, facts.st_mtime_ns, facts.st_size)


@lru_cache(maxsize=8)
def _members(archive: Path, changed_ns: int, size: int) -> Mapping[str, str]:
    """The paths of the files in an archive, and the name of each there; the time of the change tells versions apart.

    Raises:
        DataError: it is damaged, or not safe to read.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            members = [one for one in opened.infolist() if not one.filename.endswith("/")]
    except (*_FAULTS, NotImplementedError) as error:
        raise _damaged(archive) from error
    unpacked, advice = sum(one.file_size for one in members), "unpack it, and name the folder"
    if len(members) > MOST_MEMBERS:
        raise DataError(
            f"the archive holds {len(members):,} files, more than {MOST_MEMBERS:,}", where=str(archive), next=advice
        )
    if unpacked > max(HARMLESS, MOST_RATIO * size):
        what = f"the archive has {size:,} bytes and would unpack to {unpacked:,}, as only a trap or a fault would"
        raise DataError(what, where=str(archive), next="if you trust it, unpack it, and name the folder")
    names: dict[str, str] = {}
    for one in members:
        name = "/".join(PurePosixPath(one.filename).parts)
        fault = f"holds two files of this name: {one.filename!r}" if name in names else _fault(one)
        if fault is not None:
            raise DataError(f"the archive {fault}", where=str(archive), next=advice)
        names[name] = one.filename
    return names


def _fault(member: zipfile.ZipInfo) -> str | None:
    """Why a member is not read, in words."""
    path = PurePosixPath(member.filename)
    if not path.parts:
        return "holds a file without a name"
    if path.is_absolute() or ".." in path.parts or "\\" in member.filename:
        return f"names a file outside of it: {member.filename!r}"
    if stat.S_ISLNK(member.external_attr >> 16):
        return f"holds a link, which is not followed: {member.filename!r}"
    if member.flag_bits & _ENCRYPTED:
        return f"is encrypted: {member.filename!r}"
    return None if member.compress_type in _READ else f"has a compression that is not known: {member.filename!r}"


def is_pointer(path: Path) -> bool:
    """Whether Git LFS left a note about a file in its place."""
    try:
        with path.open("rb") as stream:
            return stream.read(len(POINTER)) == POINTER
    except OSError:
        return False


def _damaged(archive: Path) -> DataError:
    if is_pointer(archive):
        return DataError(f"this is not the data: the file begins like {POINTED}", where=str(archive))
    return DataError("this is not a complete zip archive", where=str(archive), next="copy it again")
