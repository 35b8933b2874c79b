"""How a command ends that does not finish: with its work kept and the command that resumes it, or without a trace."""

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from embedtune.errors import EmbedtuneError, Interrupted, OutputError, StoppedError

DISK_FULL = "No space left on device"
_TORCH_CANNOT_WRITE = ("inline_container", "PytorchStreamWriter", "iostream error")
"""torch's checkpoint writer hides the system's reason."""


@dataclass(frozen=True)
class Unfinished:
    """Work that can be resumed after an interruption.

    Args:
        is_kept: whether there is anything to resume yet.
        discard: removes the work when there is not.
        kept: what to tell the user when the work is kept.
        lost: what to tell the user when it is not.
        resume: the command that resumes it.
    """

    is_kept: Callable[[], bool]
    discard: Callable[[], None]
    kept: str
    lost: str
    resume: str


@contextmanager
def orderly_end(work: Unfinished) -> Iterator[None]:
    """Around the work of a command: remove what cannot be resumed, keep what can, and say how to resume it.

    Raises:
        Interrupted: Ctrl-C.
        StoppedError: the disk is full, and the work so far is kept.
        OutputError: the disk is full, and there was nothing to keep; or a file may not be written.
    """
    try:
        yield
    except BaseException as error:
        kept = isinstance(error, StoppedError) or work.is_kept()
        if not kept:
            work.discard()
        ending = _ending(error, work, kept=kept)
        if ending is None:
            raise
        raise ending from error


def _ending(error: BaseException, work: Unfinished, *, kept: bool) -> EmbedtuneError | None:
    """The error to show instead; None if the original one already says everything."""
    where = getattr(error, "where", None) or getattr(error, "filename", None)
    if isinstance(error, KeyboardInterrupt | Interrupted):
        message = getattr(error, "message", f"interrupted; {work.kept if kept else work.lost}")
        return Interrupted(message, next=work.resume if kept else getattr(error, "next", None))
    if _disk_is_full(error):
        if kept:
            return StoppedError(f"the disk is full; {work.kept}", where=where, next=f"make room, then {work.resume}")
        return OutputError("the disk is full", where=where, next="make room, or name another disk with --output")
    if isinstance(error, PermissionError):
        return OutputError("no permission to write this", where=where)
    return None


def _disk_is_full(error: BaseException) -> bool:
    """Whether an error of the system, of torch or of embedtune means that there is no room left."""
    text = str(error)
    if getattr(error, "errno", None) == errno.ENOSPC or DISK_FULL in text:
        return True
    return isinstance(error, RuntimeError) and any(words in text for words in _TORCH_CANNOT_WRITE)
