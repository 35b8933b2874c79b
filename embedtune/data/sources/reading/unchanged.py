"""Inputs stay the same while a verb runs: what is read a second time must be what was read first.

A verb that reads an input twice (to count and then to encode, to check and then to copy, to hash and then to learn)
would combine two versions of a file that somebody rewrites meanwhile. Sizes and times do not tell: a file rewritten in
place within one tick of the clock keeps both. So the bytes that are streamed are hashed, about 1 s for 2 GB.
"""

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from embedtune.errors import ChangedInputError


@dataclass
class Fingerprint:
    """What was read of one file.

    Args:
        parts: number of bytes -> digest of that many from the beginning, of readings that ended early.
        whole: number of bytes and digest of a reading up to the end.
    """

    parts: dict[int, str] = field(default_factory=dict)
    whole: tuple[int, str] | None = None


@dataclass
class _Inputs:
    files: dict[Path, Fingerprint] = field(default_factory=dict)
    facts: dict[tuple[str, str], Any] = field(default_factory=dict)
    encoding: str | None = None
    besides: str | None = None


_INPUTS: ContextVar[_Inputs | None] = ContextVar("inputs", default=None)


@contextmanager
def unchanged_inputs() -> Iterator[None]:
    """Until the end of this block, or of the function that it decorates, inputs must not change between readings.

    A block within another is part of the outer one. Threads that are started within it are not watched.
    """
    if _INPUTS.get() is not None:
        yield
        return
    token = _INPUTS.set(_Inputs())
    try:
        yield
    finally:
        _INPUTS.reset(token)


def declare_encoding(codec: str | None) -> None:
    """Say what files that are not UTF-8 are in, until the end of the block; None: whatever they certainly are."""
    inputs = _INPUTS.get()
    if inputs is not None:
        inputs.encoding = codec


def declared_encoding() -> str | None:
    """What files that are not UTF-8 are in, where somebody said it."""
    inputs = _INPUTS.get()
    return None if inputs is None else inputs.encoding


def declare_read_besides(column: str | None) -> None:
    """Say which column the verb reads besides what formats read, until the end of the block; None: it reads none."""
    inputs = _INPUTS.get()
    if inputs is not None:
        inputs.besides = column


def read_besides() -> str | None:
    """The column that the verb reads itself, where it said so: it tells nothing about pairs, and is not unused."""
    inputs = _INPUTS.get()
    return None if inputs is None else inputs.besides


def demand_unchanged(kind: str, name: str, value: Any) -> None:
    """Make sure that what is known about an input is what it was before, such as which files a folder holds.

    Raises:
        ChangedInputError: it was something else earlier in the block.
    """
    inputs = _INPUTS.get()
    if inputs is not None and inputs.facts.setdefault((kind, name), value) != value:
        raise _changed(name)


def watched(path: Path, raw: io.RawIOBase) -> io.RawIOBase:
    """The same bytes, compared with those of earlier readings of this path where somebody asked for that."""
    inputs = _INPUTS.get()
    if inputs is None:
        return raw
    return _WatchedFile(path, raw, inputs.files.setdefault(path.absolute(), Fingerprint()))


class _WatchedFile(io.RawIOBase):
    """Hashes what is read; compares at the ends of earlier readings and at its own end."""

    def __init__(self, path: Path, raw: io.RawIOBase, known: Fingerprint) -> None:
        self._path, self._raw, self._known = path, raw, known
        self._digest, self._offset, self._ended = hashlib.sha256(), 0, False
        self._marks = sorted(known.parts)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        count = self._raw.readinto(buffer)
        if count:
            self._take(memoryview(buffer).cast("B")[:count])
        elif count == 0 and not self._ended:
            self._ended = True
            self._finish()
        return count

    def _take(self, piece: memoryview) -> None:
        while self._marks and self._marks[0] <= self._offset + len(piece):
            mark = self._marks.pop(0)
            here = mark - self._offset
            self._digest.update(piece[:here])
            self._offset, piece = mark, piece[here:]
            if self._digest.hexdigest() != self._known.parts[mark]:
                raise _changed(str(self._path))
        self._digest.update(piece)
        self._offset += len(piece)

    def _finish(self) -> None:
        whole = (self._offset, self._digest.hexdigest())
        if self._marks or self._known.whole not in (None, whole):
            raise _changed(str(self._path))
        self._known.whole = whole

    def close(self) -> None:
        if not self.closed:
            if not self._ended and self._offset:
                self._known.parts[self._offset] = self._digest.hexdigest()
            self._raw.close()
        super().close()


def _changed(name: str) -> ChangedInputError:
    return ChangedInputError(
        "this changed while the command was reading it, so what was read first no longer fits",
        where=name,
        next="run the command again when nothing else writes to it",
    )
