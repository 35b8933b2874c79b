"""How a run that does not finish ends: with something to go on from and a word on how, or without a trace."""

import errno
import shlex
from collections.abc import Iterator
from contextlib import contextmanager

from embedtune.errors import EmbedtuneError, Interrupted, OutputError, StoppedError
from embedtune.workflows.shared.run_folder import RunFolder

DISK_FULL = "No space left on device"
_TORCH_CANNOT_WRITE = ("inline_container", "PytorchStreamWriter", "iostream error")
"""torch's writer of checkpoints keeps the system's reason to itself."""


@contextmanager
def orderly_end(folder: RunFolder, *, resumed: bool) -> Iterator[None]:
    """Around the work inside a run folder.

    A run refused or interrupted before its first checkpoint takes its folder back, so that the same command can be
    given again; one that has trained keeps it.

    Raises:
        Interrupted: Ctrl-C, with the command that goes on.
        StoppedError: the disk is full, with the command that goes on.
        OutputError: the disk was full before anything was trained.
    """
    try:
        yield
    except BaseException as error:
        kept = resumed or folder.trained or isinstance(error, StoppedError)
        if not kept:
            folder.discard()
        ending = _ending(error, f"embedtune train --resume {shlex.quote(str(folder.path))}" if kept else None)
        if ending is None:
            raise
        raise ending from error


def _ending(error: BaseException, go_on: str | None) -> EmbedtuneError | None:
    """What to tell the user instead of the error; None where the error says all there is to say."""
    if isinstance(error, KeyboardInterrupt | Interrupted):
        saved = "everything up to the last checkpoint is saved" if go_on else "nothing was trained yet"
        said = error.message if isinstance(error, Interrupted) else f"interrupted; {saved}"
        return Interrupted(said, next=go_on or getattr(error, "next", None))
    if disk_is_full(error):
        where = getattr(error, "where", None) or getattr(error, "filename", None)
        if go_on:
            return StoppedError("the disk is full", where=where, next=f"make room, then {go_on}")
        return OutputError("the disk is full", where=where, next="make room, or name another disk with --output")
    return None


def disk_is_full(error: BaseException) -> bool:
    """Whether an error, of the system's, of torch's or in our own words, means that there is no room left."""
    said = str(error)
    if getattr(error, "errno", None) == errno.ENOSPC or DISK_FULL in said:
        return True
    return isinstance(error, RuntimeError) and any(words in said for words in _TORCH_CANNOT_WRITE)
