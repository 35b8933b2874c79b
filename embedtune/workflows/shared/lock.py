"""One process at a time: a lock that is released when its process ends, however it ends."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from embedtune.errors import OutputError


@dataclass
class HeldLock:
    """A lock file that is held.

    Args:
        stays: the file is not removed at the end, because it marks what could not be cleaned up.
    """

    stays: bool = False


@contextmanager
def alone(lock: Path) -> Iterator[HeldLock]:
    """Hold a lock file; it and its folder are made if needed, and the file is removed at the end.

    A killed process leaves the file, but not the lock.

    Raises:
        OutputError: another process holds it, or it cannot be made.
    """
    try:
        file = _held(lock)
    except BlockingIOError as error:
        raise OutputError(
            "another embedtune is working on this output",
            where=str(lock.parent),
            next="wait for it, or name another --output",
        ) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OutputError(f"cannot be written: {reason}", where=str(lock.parent)) from error
    held = HeldLock()
    try:
        yield held
    finally:
        for let_go in (file.close,) if held.stays else (lock.unlink, file.close):
            with suppress(OSError):  # the lock is free all the same
                let_go()


def is_held(lock: Path) -> bool:
    """Whether another process holds a lock file now."""
    try:
        import fcntl

        with lock.open(encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except (ImportError, OSError):  # no such file, or a system without such locks
        return False
    return False


def _held(lock: Path) -> TextIO:
    """The file, open and locked; made again if its last holder removed it between the two steps."""
    while True:
        lock.parent.mkdir(parents=True, exist_ok=True)
        file = lock.open("a", encoding="utf-8")
        try:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:
            file.close()  # Windows has no such lock: two commands on one output are not detected there
            return file
        except OSError:
            with suppress(OSError):
                file.close()
            raise
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), lock.stat()):
                return file
        file.close()
