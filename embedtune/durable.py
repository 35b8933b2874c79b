"""Writes files and folders completely or not at all: under a temporary name, flushed to disk, then renamed.

A reader finds either the old content or the new, even after a kill, a full disk or a power cut.
"""

import errno
import glob
import json
import os
import shutil
import sys
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from embedtune.errors import OutputError, raise_machine_fault

_PIECE = 2**20
UNFINISHED = ".unfinished"
"""Suffix of a file or folder while it is written; a killed writer leaves it behind."""
_REPLACED = ".old-"
"""In the name of a folder that is being replaced, until the new one has its name."""
_SEAL = b"\ncrc32 %08x\n"
_BROKEN = {errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.ESTALE}
"""What the system says when it cannot keep a name, and not only that it cannot wait for it."""


def cache_folder() -> Path:
    """This platform's cache folder for embedtune; under XDG_CACHE_HOME on any platform, where that is set."""
    if os.environ.get("XDG_CACHE_HOME"):
        base = Path(os.environ["XDG_CACHE_HOME"])
    elif os.name == "nt":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path.home() / ".cache"
    return base / "embedtune"


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8, completely or not at all.

    Raises:
        OutputError: the file cannot be written there.
    """
    with whole_file(path) as stream:
        stream.write(text)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an OSError into an OutputError that names the path.

    Raises:
        OutputError: the file or folder cannot be written there.
    """
    try:
        yield
    except OSError as error:
        raise OutputError(f"cannot be written: {error.strerror or error}", where=str(path)) from error


@contextmanager
def whole_file(path: Path) -> Iterator[TextIO]:
    """A text file that gets its name only when it is completely written.

    Raises:
        OutputError: the file cannot be written there.
    """
    with whole_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as stream:
        yield stream


@contextmanager
def whole_path(path: Path) -> Iterator[Path]:
    """A temporary path next to the given one, to be written by any means; it gets the given name only on success.

    Raises:
        OutputError: the file cannot be written there.
    """
    temporary: Path | None = None
    try:
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, made = tempfile.mkstemp(prefix=f".{path.name}.", suffix=UNFINISHED, dir=path.parent)
            temporary = Path(made)
            os.close(handle)
            yield temporary
            temporary.chmod(0o644)
            replace(temporary, path)
    finally:
        if temporary is not None:
            discard(temporary)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """An empty temporary folder next to the given one, which replaces it only on success.

    Between two renames there may be no folder of this name; a reader then finds nothing, never half a folder. Where the
    second one fails the old folder gets its name back, and after a kill between them `remove_unfinished` gives it back.

    Raises:
        OutputError: the folder cannot be written there.
    """
    fresh: Path | None = None
    old = path.with_name(f".{path.name}{_REPLACED}{os.getpid()}{UNFINISHED}")
    try:
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            fresh = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=UNFINISHED, dir=path.parent))
            fresh.chmod(0o755)
            yield fresh
            sync(fresh)
            if path.exists():
                path.replace(old)
            os.replace(fresh, path)  # noqa: PTH105  (as in `replace`)
            sync_folder(path.parent)
    finally:
        _give_back(old, path)
        for left in (fresh, old):
            if left is not None:
                discard(left)


def remove_unfinished(path: Path) -> None:
    """Remove what killed writers of this file or folder left behind, as far as the system lets us.

    Only for callers who know that no other process is writing it.
    """
    with suppress(OSError):  # a folder that cannot be listed cannot be written either, which is said then
        left = sorted(path.parent.glob(f".{glob.escape(path.name)}.*{UNFINISHED}"))
        for one in left:
            if one.name.startswith(f".{path.name}{_REPLACED}"):
                _give_back(one, path)
            discard(one)


def remove_all_unfinished(folder: Path) -> None:
    """Remove what killed writers of anything directly in this folder left behind, as far as the system lets us."""
    with suppress(OSError):
        for one in sorted(folder.glob(f".*{UNFINISHED}")):
            name = one.name[1:].rpartition(_REPLACED)[0]
            if name:
                _give_back(one, folder / name)
            discard(one)


def _give_back(old: Path, path: Path) -> None:
    """Give a folder that was to be replaced its name again, if nothing has replaced it."""
    with suppress(OSError):
        if os.path.lexists(old) and not os.path.lexists(path):
            old.rename(path)


def discard(path: Path) -> None:
    """Remove a file or folder of ours, as far as the system lets us.

    For cleaning up: what went wrong before is worth more than that this goes wrong too, and the next run tries again.
    """
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def replace(temporary: Path, path: Path) -> None:
    """Give a finished file or folder its name; its content is on disk before its name is.

    Raises:
        OSError: the system refuses.
    """
    sync(temporary)
    os.replace(temporary, path)  # noqa: PTH105  (replaces on Windows too, and says so)
    sync_folder(path.parent)


def sync(path: Path) -> None:
    """Wait until a file, or everything in a folder, is on disk."""
    if path.is_dir():
        for entry in path.iterdir():
            sync(entry)
        sync_folder(path)
        return
    with path.open("rb+") as file:  # Windows does not flush files opened for reading only
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Wait until the names in a folder are on disk, where the system supports it.

    Raises:
        OSError: the disk cannot keep them.
    """
    try:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:  # Windows cannot open folders, and some network disks cannot flush them
        if error.errno in _BROKEN:
            raise


def write_sealed(path: Path, content: bytes) -> None:
    """Write a file with its checksum in its last line, for `read_sealed`; completely or not at all.

    Raises:
        OutputError: the file cannot be written there.
    """
    with whole_path(path) as temporary:
        temporary.write_bytes(content + _SEAL % zlib.crc32(content))


def read_sealed(path: Path) -> bytes | None:
    """What was written, or None if the file is missing, truncated or changed, so that it must be made again.

    Raises:
        OSError: the machine cannot read it now, which says nothing about the file.
    """
    try:
        whole = path.read_bytes()
    except OSError as error:
        raise_machine_fault(error, path)
        return None
    content = whole[: -len(_SEAL % 0)]
    return content if whole == content + _SEAL % zlib.crc32(content) else None


def seal_folder(folder: Path, name: str, facts: Mapping[str, Any]) -> None:
    """Write facts (JSON) about a folder into its file `name`, with the checksums of its other files."""
    files = {path.relative_to(folder).as_posix(): checksum(path) for path in folder.rglob("*") if path.is_file()}
    content = {"facts": facts, "files": dict(sorted(files.items()))}
    write_sealed(folder / name, json.dumps(content, ensure_ascii=False).encode("utf-8", "surrogatepass"))


def unseal_folder(folder: Path, name: str) -> dict[str, Any] | None:
    """The facts, or None if they, or any file they were written with, are missing, truncated or changed.

    Raises:
        OSError: the machine cannot read them now, which says nothing about them.
    """
    sealed = read_sealed(folder / name)
    if sealed is None:
        return None
    content: dict[str, Any] = json.loads(sealed.decode("utf-8", "surrogatepass"))
    sound = all(checksum(folder / name) == recorded for name, recorded in content["files"].items())
    return content["facts"] if sound else None


def checksum(path: Path) -> int | None:
    """CRC-32 of a file; None if it does not exist or may not be read.

    Raises:
        OSError: the machine cannot read it now, which says nothing about the file.
    """
    found = 0
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                found = zlib.crc32(piece, found)
    except OSError as error:
        raise_machine_fault(error, path)
        return None
    return found
