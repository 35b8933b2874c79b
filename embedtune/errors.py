"""Every error that a user can cause, and the exit code of the command.

A message says what happened and what was needed; `where` is the place (file and line, option, recipe key); `next` says
what to do about it. The command line prints these three and no traceback, so they must say everything.

What the machine refuses (a full or broken disk) reaches Python in many ways; `machine_fault` finds it in all of them.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


class EmbedtuneError(Exception):
    """Base of all errors that embedtune raises on purpose.

    Args:
        message: one sentence: what is wrong, what was needed, what was given.
        where: file and line, option name or recipe key, if there is one.
        next: what the user can do now, a command where possible.

    Attributes:
        retry: options that probably make the command work when they are added to it; None if there are none.
    """

    exit_code = 1
    code = "error"

    def __init__(self, message: str, *, where: str | None = None, next: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.next = next
        self.retry: str | None = None


@contextmanager
def blamed_on(option: str) -> Iterator[None]:
    """Let errors about a model name the option by which the user named it, where they say no more than "model"."""
    try:
        yield
    except ModelError as error:
        error.where = option if error.where in (None, "model") else error.where
        raise


def reason_of(error: BaseException) -> str:
    """The class and the first line of an error that a library raised, for a message.

    >>> reason_of(OSError("no such file\\nat line 7")), reason_of(KeyError())
    ('OSError: no such file', 'KeyError')
    """
    text = str(error).strip()
    return f"{type(error).__name__}: {text.splitlines()[0][:300]}" if text else type(error).__name__


class DataError(EmbedtuneError):
    """The user's data cannot be used as it is."""

    code = "data"


class ChangedInputError(EmbedtuneError):
    """An input is not what it was when the command read it first; no `DataError`, since nothing may pass over it."""

    code = "data"


class ModelError(EmbedtuneError):
    """The named encoder cannot be found, loaded or used."""

    code = "model"


class OutputError(EmbedtuneError):
    """A result cannot be written to the requested place."""

    code = "output"


class ConfigError(EmbedtuneError):
    """An option, a recipe or a combination of them is invalid."""

    exit_code = 2
    code = "config"


class GuardError(EmbedtuneError):
    """A guard that the user enabled stopped the command."""

    exit_code = 3
    code = "guard"


class StoppedError(EmbedtuneError):
    """embedtune stopped the run itself, with its state saved: NaN, everything masked, a disk that is full or fails."""

    exit_code = 4
    code = "stopped"


class PeerEnded(StoppedError):
    """Another process of the same run has ended, or cannot be reached; the last checkpoint is what is saved."""


class Interrupted(EmbedtuneError):
    """The user interrupted the command; the work so far is saved."""

    exit_code = 130
    code = "interrupted"


@dataclass(frozen=True)
class MachineFault:
    """What the machine refused, in words.

    Args:
        message: what is wrong with the machine.
        next: what to do about it.
        where: the file or folder, where the system names it.
    """

    message: str
    next: str
    where: str | None = None


_NO_MEMORY = "can't allocate memory"
_TORCH_CANNOT_WRITE = ("inline_container", "PytorchStreamWriter", "iostream error")
"""Words of torch's checkpoint writer, which hides the system's reason."""
_ELSEWHERE = "or name another disk"
_NO_ANSWER = ("the disk does not answer", "see whether it is still connected and mounted")
_MACHINE = {
    "ENOSPC": ("the disk is full", f"make room, {_ELSEWHERE}"),
    "EDQUOT": ("the disk quota is used up", f"make room, ask for a larger quota, {_ELSEWHERE}"),
    "EFBIG": ("the file would be larger than is allowed here", f"raise the limit (`ulimit -f`), {_ELSEWHERE}"),
    "EROFS": ("the disk is read-only", f"make it writable, {_ELSEWHERE}"),
    "EIO": ("the disk reported an input/output error", f"check the disk and its connection, {_ELSEWHERE}"),
    "ESTALE": ("a network disk no longer knows this file (stale file handle)", f"mount it again, {_ELSEWHERE}"),
    "EMFILE": ("too many files are open", "raise the limit: `ulimit -n 4096`"),
    "ENFILE": ("too many files are open on this machine", "end other programs"),
    "ENOMEM": ("the machine is out of memory", "end other programs, or use a machine with more memory"),
    **dict.fromkeys(("ENXIO", "ENODEV", "EREMOTEIO", "ENOTCONN", "ETIMEDOUT", "EHOSTDOWN"), _NO_ANSWER),
}
"""Faults of the machine, which neither the user's data nor embedtune can cause -> what is said."""
_TORCH_FAILED = ("the disk is full or fails", f"make room, check the disk, {_ELSEWHERE}")
_FAULTS = {getattr(errno, name): words for name, words in _MACHINE.items() if hasattr(errno, name)}
_TEXTS = {os.strerror(number): number for number in sorted(_FAULTS, key=lambda number: -len(os.strerror(number)))}
"""How libraries in Rust and C++ pass on the system's reason: as a part of their own text. One text holds another."""


def machine_fault(error: BaseException) -> MachineFault | None:
    """The fault of the machine that an error comes from, by whatever library; None if it has another cause.

    >>> machine_fault(OSError(errno.EROFS, "Read-only file system", "a/b"))
    MachineFault(message='the disk is read-only', next='make it writable, or name another disk', where='a/b')
    >>> machine_fault(RuntimeError("cannot open <a>: Stale file handle (116)")).message
    'a network disk no longer knows this file (stale file handle)'
    >>> machine_fault(ValueError("no number")) is None
    True
    """
    for one in chain_of(error):
        words = _TORCH_FAILED if _is_torch_writer(one) else _FAULTS.get(_code(one))
        if words is not None:
            return MachineFault(*words, _where(error) or _where(one))
    return None


def raise_machine_fault(error: BaseException, path: Path) -> None:
    """Raise an error again if it is a fault of the machine; for where files are taken for missing or damaged otherwise.

    Args:
        error: of reading a file.
        path: the file, which the system does not name when reading fails.
    """
    if machine_fault(error) is not None:
        if isinstance(error, OSError):
            error.filename = error.filename or str(path)
        raise error


def chain_of(error: BaseException) -> Iterator[BaseException]:
    """An error, then what it was raised from, or while handling what, back to the first.

    An error raised `from None` says that what came before does not matter.
    """
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        yield one
        seen.add(id(one))
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)


def _is_torch_writer(error: BaseException) -> bool:
    """Whether torch could not write a checkpoint."""
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _TORCH_CANNOT_WRITE)


def _code(error: BaseException) -> int:
    """The system's number of an error; 0 if it has none."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    if isinstance(error, EmbedtuneError):
        return 0  # its text holds the user's words; what it was raised from has the number
    text = str(error)
    if isinstance(error, MemoryError) or _NO_MEMORY in text:
        return errno.ENOMEM
    return next((number for words, number in _TEXTS.items() if words in text), 0)


def _where(error: BaseException) -> str | None:
    place = getattr(error, "where", None) or getattr(error, "filename", None)
    return None if place is None else str(place)
