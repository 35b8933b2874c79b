"""The standard streams as a shell may hand them over: closed, full, or with a reader that goes away."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedWriter, TextIOWrapper
from typing import Any

from embedtune.errors import OutputError


class Stdout(TextIOWrapper):
    """A stdout whose failures are errors in words; only a reader that went away remains a BrokenPipeError."""

    def write(self, text: str) -> int:
        """Write a text.

        Raises:
            OutputError: there is no room for it, for example.
        """
        with _in_words():
            return super().write(text)

    def flush(self) -> None:
        """Write what is buffered.

        Raises:
            OutputError: there is no room for it, for example.
        """
        with _in_words():
            super().flush()


@contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"cannot write to stdout: {error.strerror or error}") from error


def prepare_streams() -> None:
    """Make every standard stream usable: a closed one becomes the null device, and no character is unprintable."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed by the shell: `>&-`
            # Takes the lowest free number, which is that of the closed stream; else the next file would get it.
            handle = os.open(os.devnull, os.O_RDWR)
            os.set_inheritable(handle, True)
            stream = os.fdopen(handle, mode, encoding="utf-8")
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)  # which keeps it open, whoever wraps the other
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if type(sys.stdout) is TextIOWrapper:
        sys.stdout = _in_stdout(sys.stdout)


def _in_stdout(stream: TextIOWrapper) -> Stdout:
    # Without a buffer (PYTHONUNBUFFERED), Python loses the rest of a write that the system did not take at once.
    buffered = isinstance(stream.buffer, BufferedWriter)
    buffer: Any = stream.buffer if buffered else BufferedWriter(stream.buffer)
    lines = stream.line_buffering or not buffered
    return Stdout(buffer, encoding=stream.encoding, errors=stream.errors, line_buffering=lines)


def release_streams() -> None:
    """Let go of what could not be written: Python tries once more when it exits, and would complain there."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, OutputError):
            discard(stream)


def discard(stream: Any) -> None:
    """Send everything that a stream still holds to the null device."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, stream.fileno())
    os.close(devnull)
