"""The one try/except of the command line: every way a command can end, as words and an exit code.

0 done    1 the input cannot be used    2 wrong usage or config    3 stopped by a guard the user switched on
4 embedtune stopped the run itself, state saved    130 interrupted    141 the reader of stdout went away
"""

import os
import shlex
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

import typer

from embedtune.cli.shared.output import print_json, printable
from embedtune.cli.shared.streams import discard
from embedtune.errors import EmbedtuneError, OutputError, PeerEnded, chain_of, machine_fault
from embedtune.processes import speaks, this_process

INTERRUPTED = 130
READER_GONE = 141
READ_TEXTS = ("encode", "search")
"""Verbs that read texts without roles, from one column."""


@dataclass(frozen=True)
class Failure:
    """Why a command ended without its result, in the shape that is printed."""

    exit_code: int
    code: str
    message: str
    where: str | None = None
    next: str | None = None
    knows_why: bool = True


class AlreadySaid(Exception):
    """The command has ended, and another process of it has said how.

    Args:
        exit_code: of the command.
    """

    def __init__(self, exit_code: int) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code


_INTERRUPTION = Failure(INTERRUPTED, "interrupted", "interrupted")


def guarded(app: typer.Typer, arguments: Sequence[str]) -> int:
    """Run the app and report in words whatever goes wrong. Returns the exit code."""
    try:
        with _terminable():
            exit_code = _call(app, arguments)
        sys.stdout.flush()
        if exit_code != INTERRUPTED:
            return exit_code
        failure = _INTERRUPTION
    except BrokenPipeError:
        return _reader_gone()
    except AlreadySaid as ended:
        return ended.exit_code
    except (KeyboardInterrupt, typer.Abort):
        failure = _INTERRUPTION
    except EmbedtuneError as error:
        failure = Failure(error.exit_code, error.code, error.message, error.where, _next(error, arguments))
        failure = replace(failure, knows_why=not isinstance(error, PeerEnded))
    except typer.TyperException as error:
        failure = _usage(error, arguments)
    except Exception as error:
        failure = _INTERRUPTION if _from_interrupt(error) else _known(error) or _defect(error)
    return _report(failure, as_json="--json" in arguments)


def _next(error: EmbedtuneError, arguments: Sequence[str]) -> str | None:
    """What to do about an error: where options would mend it, the whole command with them, to be pasted."""
    option = (error.retry or "").partition(" ")[0]
    if not option or option in arguments or arguments[0] in READ_TEXTS:
        return error.next
    return f"if these were meant: embedtune {shlex.join(arguments)} {error.retry}"


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM, which schedulers and containers send, ends a command as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


def _call(app: typer.Typer, arguments: Sequence[str]) -> int:
    try:
        outcome = app(list(arguments), prog_name="embedtune", standalone_mode=False)
    except SystemExit as end:
        # Typer handles a closed pipe itself, with code 1, which means something else here.
        if isinstance(end.__context__, BrokenPipeError):
            raise BrokenPipeError from None
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return outcome if isinstance(outcome, int) else 0


def _from_interrupt(error: BaseException) -> bool:
    """Whether it arose while Ctrl-C was being handled: interrupted clean-up fails in odd ways."""
    return any(isinstance(one, KeyboardInterrupt) for one in chain_of(error))


def _usage(error: typer.TyperException, arguments: Sequence[str]) -> Failure:
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "embedtune"
    if context is None and arguments and arguments[0].isalpha():  # an option without its value does not say whose it is
        path = f"{path} {arguments[0]}"
    message, closest = error.format_message(), getattr(error, "possibilities", None)
    if closest:  # Typer lists its guesses by how close they are
        message = f"{error.message}; did you mean {closest[0]}?"
    return Failure(2, "usage", message, path, f"see `{path} --help`")


def _known(error: Exception) -> Failure | None:
    """What is wrong with this machine or its user's home, where that is all that is wrong."""
    fault = machine_fault(error)
    if fault is not None:
        return Failure(OutputError.exit_code, "machine", fault.message, fault.where, fault.next)
    if isinstance(error, PermissionError):
        where = None if error.filename is None else str(error.filename)
        return Failure(OutputError.exit_code, "machine", "no permission for this", where, "check its permissions")
    return _homeless(error)


def _homeless(error: Exception) -> Failure | None:
    """`~` or `~name` in a path, where that user has no home folder, which pathlib reports as a RuntimeError."""
    if not (isinstance(error, RuntimeError) and "home directory" in str(error)):
        return None
    return Failure(2, "usage", "a path begins with ~, but that user has no home folder", next="write the path in full")


def _defect(error: Exception) -> Failure:
    """An unexpected exception: one sentence for the user, the full traceback in a file for the report."""
    summary = " ".join(str(error).split())[:300]
    try:
        handle, path = tempfile.mkstemp(prefix="embedtune-traceback-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write("".join(traceback.format_exception(error)))
    except OSError:
        path = None
    return Failure(
        exit_code=1,
        code="defect",
        message=f"unexpected error (a bug in embedtune): {type(error).__name__}: {summary}".rstrip(": "),
        where=f"full traceback in {path}" if path else None,
        next="please report it with that file" if path else None,
    )


def _report(failure: Failure, *, as_json: bool) -> int:
    if this_process().count > 1 and threading.current_thread() is threading.main_thread():
        # The launcher ends the others once one has ended, and this one is about to.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if not speaks(knows_why=failure.knows_why):
        return failure.exit_code
    parts = {"message": failure.message, "where": failure.where, "next": failure.next}
    if as_json:
        try:
            print_json({"error": {"code": failure.code, **parts}})
            sys.stdout.flush()
        except BrokenPipeError:
            return _reader_gone()
        except (OSError, OutputError):
            pass  # stdout is full, so stderr has to say it
        else:
            return failure.exit_code
    with suppress(OSError):  # stderr may be full, or its reader gone: the exit code still tells
        typer.secho("error: ", fg="red", bold=True, nl=False, err=True)
        print(printable(failure.message), file=sys.stderr)
        for label in ("where", "next"):
            if parts[label]:
                print(f"{label}: {printable(str(parts[label]))}", file=sys.stderr)
    return failure.exit_code


def _reader_gone() -> int:
    discard(sys.stdout)
    return READER_GONE
