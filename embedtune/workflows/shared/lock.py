"""One process at a time: a lock that ends with the process, however that ends."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from embedtune.errors import OutputError


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Hold a lock file, made with its folder where it is not there and removed in the end; a killed holder leaves it.

    Raises:
        OutputError: another process holds it, or it cannot be made.
    """
    try:
        file = _held(lock)
    except BlockingIOError as error:
        raise OutputError(
            "another embedtune is at work on this output",
            where=str(lock.parent),
            next="wait for it, or give another --output",
        ) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OutputError(f"cannot be written: {reason}", where=str(lock.parent)) from error
    try:
        yield
    finally:
        with suppress(OSError):
            lock.unlink()
        file.close()


def _held(lock: Path) -> TextIO:
    """The file, open and locked; made again where its last holder removed it between the two."""
    while True:
        lock.parent.mkdir(parents=True, exist_ok=True)
        file = lock.open("a", encoding="utf-8")
        try:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:
            file.close()  # Windows has no such lock: there two commands on one output stay the user's mistake
            return file
        except OSError:
            file.close()
            raise
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), lock.stat()):
                return file
        file.close()
