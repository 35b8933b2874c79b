"""A new folder for results: never somebody else's, and gone again when nothing came of it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from errno import ENOTDIR
from pathlib import Path

from embedtune.errors import ConfigError, OutputError
from embedtune.workflows.shared.lock import alone

UNFINISHED = ".unfinished"
"""Lies in a folder as long as its results are being written; where its writer was killed, it stays."""


@contextmanager
def fresh_folder(asked: str | None, parent: Path, name: str) -> Iterator[Path]:
    """Make the folder that was asked for, or a dated one; take back what was written there if the work fails.

    What a killed process left there is cleared away.

    Args:
        asked: a folder that does not exist or is empty; None for `parent/<date>-<name>`.
        parent: of the dated folder.
        name: of what is done, for the dated folder.

    Raises:
        ConfigError: the folder holds files already.
        OutputError: it cannot be made or written, or another process is writing there.
    """
    path = Path(asked).expanduser() if asked else unused(parent / f"{datetime.now():%Y%m%d-%H%M%S}-{name}")
    try:
        made = not path.is_dir()
        _refuse_results(path)
    except (OSError, ValueError) as error:
        raise _unwritable(path, error) from error
    with alone(path / UNFINISHED):
        _begin(path)
        try:
            yield path
        except BaseException as error:
            _empty(path)
            with suppress(OSError):
                if made:
                    path.rmdir()
                if not asked:
                    parent.rmdir()  # only where nothing else is in it
            if isinstance(error, OSError):
                raise _unwritable(path, error) from error
            raise


def _refuse_results(path: Path) -> None:
    if path.exists() and not path.is_dir():
        raise NotADirectoryError(ENOTDIR, os.strerror(ENOTDIR))
    if path.is_dir() and any(path.iterdir()) and not (path / UNFINISHED).exists():
        raise ConfigError(
            f"{path} is not empty, and results never go among other people's files",
            where="--output",
            next="name a folder that does not exist yet",
        )


def _begin(path: Path) -> None:
    """Clear away what a killed process left; the marker of one has a content, that of a folder just taken has none."""
    marker = path / UNFINISHED
    if marker.stat().st_size:
        _empty(path, but=marker)
    elif any(entry != marker for entry in path.iterdir()):
        marker.unlink()
        _refuse_results(path)
    marker.write_text("results are being written here\n", encoding="utf-8")


def unused(path: Path) -> Path:
    """The path itself, or with a number when two begin in the same second."""
    candidate, number = path, 2
    while candidate.exists():
        candidate, number = path.with_name(f"{path.name}-{number}"), number + 1
    return candidate


def _empty(path: Path, *, but: Path | None = None) -> None:
    for entry in path.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        elif entry != but:
            entry.unlink(missing_ok=True)


def _unwritable(path: Path, error: Exception) -> OutputError:
    return OutputError(
        f"the results cannot be written to {str(path)[:200]}: {getattr(error, 'strerror', None) or error}",
        where="--output",
        next="name a folder that you may write to",
    )
