"""What a command writes: never over what it reads, and over an existing file only if it is ours or with --force.

A file is ours while it has the size and checksum that a small record next to it, `.<output>.embedtune`, names. The
record is written before the file gets its name, so that a kill at any point leaves a file that the next run knows.
Marks inside the files were rejected: a .npy file has no place for one, and a file edited by hand would keep it.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedtune.data.sources.layouts.places import on_disk
from embedtune.data.sources.source import reads, source_path
from embedtune.durable import UNFINISHED, checksum, read_sealed, remove_unfinished, replace, write_sealed
from embedtune.errors import ConfigError, OutputError, raise_machine_fault
from embedtune.network import is_address, local_name
from embedtune.workflows.shared.lock import HeldLock, alone
from embedtune.workflows.shared.remote.destination import Destination, destination_of, written_here

Read = Iterable[tuple[str, str | None]]
"""Options and what the user named with them; None and names on the Hub are ignored."""
_MODELS = ("--model", "--query-model", "--guide", "--teacher", "--cross-encoder", "--rerank")
"""Options that name a model, in whose folder nothing else is written; folders of other options hold data."""
_SENDING = -1
"""In the place of a checksum: a file of this size was on its way to an address, so it is ours if it is there."""


@dataclass(frozen=True)
class Outputs:
    """The files and folders that a command writes.

    Args:
        files: the first is the one that the user named.
        folders: of work or results; what they hold may be removed.
        option: what the user named the output with.
        destination: the address of the first file; None for files of this machine.
    """

    files: Sequence[Path] = ()
    folders: Sequence[Path] = ()
    option: str = "--output"
    destination: Destination | None = None

    @classmethod
    def of(cls, output: str, folders: Sequence[Path] = (), option: str = "--output") -> "Outputs":
        """The one file that the user named, by a path or an address."""
        return cls([written_here(output)], folders, option, destination_of(output))

    def shown(self, path: Path) -> str:
        """The name of an output for the user: its address, if it has one."""
        return str(path) if self.destination is None else self.destination.of(path)

    def is_named(self, name: str | None, path: Path) -> bool:
        """Whether a name that the user gave refers to this output."""
        return is_same(name, path) or (self.destination is not None and name == self.destination.of(path))

    def exists(self, path: Path) -> bool:
        """Whether an output is there."""
        return path.exists() if self.destination is None else self.destination.mark(path) is not None

    def remove(self, path: Path) -> None:
        """Remove an output, if it is there; only after `demand_own`."""
        path.unlink(missing_ok=True)
        if self.destination is not None:
            self.destination.remove(path)

    @property
    def _where(self) -> str:
        return f"{self.option} {self.shown([*self.files, *self.folders][0])}"

    def demand_files(self) -> None:
        """Refuse a folder in the place of a file, and an address that cannot be written.

        Raises:
            OutputError: the first output is a folder, or nothing can be written under its name.
        """
        if self.destination is not None:
            self.destination.demand_writable(self.option)
            return
        try:
            is_folder = self.files[0].is_dir()
        except (OSError, ValueError) as error:  # such as a name that is too long
            reason = getattr(error, "strerror", None) or error
            raise OutputError(f"cannot be written: {reason}", where=self.option) from error
        if is_folder:
            raise OutputError("this is a folder; a file is needed", where=self._where, next="name a file in it")

    def demand_apart(self, read: Read) -> None:
        """Refuse outputs that the command reads, by whatever path and even with --force; cheap, so it comes first.

        Args:
            read: what the command reads.

        Raises:
            ConfigError: an output is a file that is read, or would be read as a part of a folder.
        """
        for option, name in read:
            for path in self.files if self.destination is not None and name and is_address(name) else ():
                if self.destination is not None and self.destination.is_read_from(name or "", path):
                    raise self._refusal(path, f"is read by {option}, or would be a part of what is read there")
            place = None if name is None else _place(option, name)
            if place is None:
                continue
            for path in self.files:
                if are_same(place, path):
                    raise self._refusal(path, f"would overwrite the file of {option}")
                if place.is_dir() and _belongs(option, place, path):
                    raise self._refusal(path, f"is or would be one of the files in {place}, the folder of {option}")
            for folder in self.folders:
                if are_same(place, folder) or _is_inside(place, folder):
                    raise self._refusal(folder, f"would be written to and emptied, but {option} is read from there")
                if place.is_dir() and _belongs(option, place, folder):
                    raise self._refusal(folder, f"is or would be a part of {place}, the folder of {option}")

    def _refusal(self, path: Path, what: str) -> ConfigError:
        named = [*self.files, *self.folders][0]
        other = f"the work folder {path}" if path in self.folders else f"{self.shown(path)}, which is written as well,"
        subject = "this" if path == named else other
        return ConfigError(f"{subject} {what}", where=self._where, next="give the output another name")

    def demand_own(self, *, force: bool = False, but: Sequence[Path] = ()) -> None:
        """Refuse to replace a file that embedtune did not write, or that was changed since.

        Args:
            force: replace it all the same.
            but: files that are replaced in any case.

        Raises:
            ConfigError: there is such a file.
        """
        if force:
            return
        known = self._record()
        for path in self.files:
            if path in but or not self._is_others(path, known.get(path.name, [])):
                continue
            why = "it has changed since embedtune wrote it" if path.name in known else "embedtune did not write it"
            raise ConfigError(
                f"{self.shown(path)} already exists, and {why}",
                where=self._where,
                next="give the output another name, or add --force to replace it",
            )

    def _is_others(self, path: Path, marks: Sequence[list[int]]) -> bool:
        """Whether there is an output that is none of those with these marks."""
        if self.destination is not None:
            there = self.destination.mark(path)
            return there is not None and there not in marks and [there[0], _SENDING] not in marks
        return os.path.lexists(path) and _own_mark(path, marks) is None

    @contextmanager
    def writing(self, path: Path) -> Iterator[Path]:
        """A path of the same file name, to be written by any means; it becomes the output only on success.

        Raises:
            OutputError: the file cannot be written there.
        """
        folder: Path | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            folder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=UNFINISHED, dir=path.parent))
            yield folder / path.name
            (folder / path.name).chmod(0o644)
            self.finish(folder / path.name, path)
        except OSError as error:
            raise OutputError(f"cannot be written: {error.strerror or error}", where=str(path)) from error
        except OutputError as error:
            inner = folder is not None and error.where == str(folder / path.name)
            error.where = str(path) if inner else error.where
            raise
        finally:
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)

    def finish(self, written: Path, path: Path) -> None:
        """Record that a finished file is ours, then give it the name of an output; an address gets a copy of it.

        Raises:
            OSError: the system refuses.
            OutputError: the record cannot be written, or the file does not get to its address.
        """
        known = self._record()
        if self.destination is not None:
            sending = [written.stat().st_size, _SENDING]
            self._note({**known, path.name: [*known.get(path.name, []), sending]}, path)
            sent = self.destination.send(written, path)
            self._note({**known, path.name: [] if sent is None else [sent]}, path)
            return
        before = _own_mark(path, known.get(path.name, []))
        now = [written.stat().st_size, checksum(written)]
        self._note({**known, path.name: [now] if before is None else [before, now]}, path)
        replace(written, path)

    def _note(self, record: Mapping[str, Any], path: Path) -> None:
        """Keep what is known of outputs of ours: of the one that is about to get its name, and of the others."""
        try:
            write_sealed(self._record_path, json.dumps(record, ensure_ascii=False).encode("utf-8", "surrogatepass"))
        except OutputError as error:
            error.where = str(path)  # the user knows nothing of the record
            raise

    def alone(self) -> AbstractContextManager[HeldLock]:
        """Hold a lock next to the first file, for a command without a folder of its own to hold.

        Raises:
            OutputError: another process holds it, or it cannot be made.
        """
        first = self.files[0]
        return alone(first.with_name(f".{first.name}.embedtune-lock"))

    def remove_unfinished(self) -> None:
        """Remove what killed writers of these files left behind; only while holding a lock, and before writing."""
        for path in (*self.files, self._record_path):
            remove_unfinished(path)

    @property
    def _record_path(self) -> Path:
        return self.files[0].with_name(f".{self.files[0].name}.embedtune")

    def _record(self) -> dict[str, list[list[int]]]:
        """File name -> size and checksum of what we wrote; empty without a record, or with a damaged one."""
        sealed = read_sealed(self._record_path)
        return {} if sealed is None else json.loads(sealed.decode("utf-8", "surrogatepass"))


def are_same(one: Path, other: Path) -> bool:
    """Whether two paths lead to the same file, also by links and on file systems that ignore case."""
    try:
        return one.resolve() == other.resolve() or one.samefile(other)
    except (OSError, RuntimeError, ValueError):  # one is missing, or a link leads round in a circle
        return False


def is_same(name: str | None, path: Path) -> bool:
    """Whether a name that the user gave refers to this file, whatever path it takes."""
    return name is not None and are_same(Path(name).expanduser(), path)


def _own_mark(path: Path, marks: Sequence[list[int]]) -> list[int] | None:
    """The size and checksum among these that a file has; None if it has no such, is missing or cannot be read."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise_machine_fault(error, path)
        return None
    # Most other files differ in their size already, and a file of vectors takes minutes to read.
    return next((mark for mark in marks if mark[0] == size and mark[1] == checksum(path)), None)


def _place(option: str, name: str) -> Path | None:
    """Where something that a command reads is on this machine; None where it is elsewhere, or cannot be a path."""
    name = local_name(name)
    if is_address(name):
        return None
    try:
        path = Path(name).expanduser() if option in _MODELS else source_path(name)
        if path is not None:
            path = on_disk(path)
            path.stat()
    except FileNotFoundError:
        return path
    except (OSError, RuntimeError, ValueError):  # a name that no file can have, or an unknown home
        return None
    return path


def _belongs(option: str, folder: Path, path: Path) -> bool:
    try:
        return _is_inside(path, folder) if option in _MODELS else reads(folder, path)
    except (OSError, RuntimeError, ValueError):  # a folder that cannot be listed is refused when it is read
        return False


def _is_inside(path: Path, folder: Path) -> bool:
    """Whether a path leads into a folder, as it is written or by the links in it."""
    try:
        inside = folder.resolve()
        return any(inside in one.parents for one in (path.resolve(), path.parent.resolve() / path.name))
    except (OSError, RuntimeError, ValueError):  # a name that no file can have is refused when it is made
        return False
