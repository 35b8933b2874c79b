"""How a command ends that does not finish: with its work kept and the command that resumes it, or without a trace."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from embedtune.errors import EmbedtuneError, Interrupted, OutputError, PeerEnded, StoppedError, machine_fault


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
        StoppedError: the disk is full or fails, and the work so far is kept.
        OutputError: the disk is full or fails, and there was nothing to keep; or a file may not be written.
    """
    try:
        yield
    except BaseException as error:
        stopped = isinstance(error, StoppedError) and not isinstance(error, PeerEnded)
        kept = stopped or _is_kept(work)
        if not kept:
            with suppress(OSError):  # the first error is the one to report
                work.discard()
        ending = _ending(error, work, kept=kept)
        if ending is None:
            raise
        raise ending from error


def _is_kept(work: Unfinished) -> bool:
    try:
        return work.is_kept()
    except OSError:  # a disk that cannot be read now may hold days of work
        return True


def _ending(error: BaseException, work: Unfinished, *, kept: bool) -> EmbedtuneError | None:
    """The error to show instead; None if the original one already says everything."""
    if isinstance(error, KeyboardInterrupt | Interrupted):
        message = getattr(error, "message", f"interrupted; {work.kept if kept else work.lost}")
        return Interrupted(message, next=work.resume if kept else getattr(error, "next", None))
    if isinstance(error, PeerEnded):
        return PeerEnded(
            f"{error.message}; {work.kept if kept else work.lost}", next=work.resume if kept else error.next
        )
    fault = machine_fault(error)
    if fault is not None and kept:
        advice = f"{fault.next}; then {work.resume}"
        return StoppedError(f"{fault.message}; {work.kept}", where=fault.where, next=advice)
    if fault is not None and (isinstance(error, OutputError) or not isinstance(error, EmbedtuneError)):
        return OutputError(fault.message, where=fault.where, next=fault.next)
    if isinstance(error, PermissionError):
        return OutputError("no permission to write this", where=error.filename)
    return None
