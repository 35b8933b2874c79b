"""New folders for results: never one with other people's files, and removed again if the work fails.

A folder is only ever emptied of files that embedtune names so; whatever else someone has put there stays.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from errno import ENOTDIR
from pathlib import Path

from embedtune.config.section import refuse_address
from embedtune.durable import UNFINISHED, discard
from embedtune.errors import ConfigError, EmbedtuneError, OutputError, machine_fault
from embedtune.workflows.shared.lock import alone

RESULTS = (
    r"(evaluation|comparison|clusters|merge|adapt|drift|export|embedtune_export)\.json|clusters\.jsonl|"
    r"(tokenizer|config|config_sentence_transformers|modules)\.json|1_Normalize|example\.py|README\.md|"
    r"model|(model|map)\.safetensors|model\.(onnx(\.\w+)*|xml|bin)|centroids\.npy|"
    rf"report\.(html|md)|per_query\.jsonl|.+\.trec|vectors-.*|weights-.*|.*{re.escape(UNFINISHED)}"
)
"""The names of what evaluations, comparisons, clusterings, merges, maps, drifts and exports leave, as a pattern."""


def output_path(asked: str | None, parent: Path, name: str) -> Path:
    """The folder that the user asked for, or an unused `parent/<date>-<name>`."""
    if asked:
        return folder_here(asked)
    path = candidate = parent / f"{datetime.now():%Y%m%d-%H%M%S}-{name}"
    number = 2  # for commands that start in the same second
    while candidate.exists():
        candidate, number = path.with_name(f"{path.name}-{number}"), number + 1
    return candidate


def folder_here(name: str) -> Path:
    """The folder that the user named.

    Raises:
        ConfigError: it is an address, to which only files are copied.
    """
    try:
        return Path(refuse_address(name)).expanduser()
    except ValueError as error:
        raise ConfigError(str(error), where="--output") from error


def remove_own(folder: Path, own: str) -> None:
    """Remove the entries of a folder whose full names match `own`, and the folder if nothing else is in it."""
    if folder.is_dir() and not folder.is_symlink():
        _empty(folder, own)
        with suppress(OSError):
            folder.rmdir()


def refuse_others(folder: Path, own: str) -> None:
    """Refuse to work in a folder that holds anything whose name does not match `own`.

    Raises:
        ConfigError: it does, or it is not a folder.
    """
    if not os.path.lexists(folder):
        return
    is_folder = folder.is_dir() and not folder.is_symlink()
    others = sorted(entry.name for entry in folder.iterdir() if not re.fullmatch(own, entry.name)) if is_folder else []
    if others or not is_folder:
        what = f"but it holds other files: {', '.join(others[:3])}" if others else "but this is not a folder"
        raise ConfigError(
            f"unfinished work is kept in this folder, {what}",
            where=str(folder),
            next="move it away, or give the output another name",
        )


@contextmanager
def reporting_unwritable(path: Path) -> Iterator[None]:
    """Around the making of an output folder: turns what the system refuses into words.

    Raises:
        OutputError: the folder cannot be made or written.
    """
    try:
        yield
    except (OSError, ValueError) as error:
        raise _unwritable(path, error) from error


def refuse_used(path: Path) -> None:
    """Refuse a folder that holds files; temporary files of a killed process do not count.

    Raises:
        ConfigError: it holds files.
        NotADirectoryError: it is a file.
    """
    if path.exists() and not path.is_dir():
        raise NotADirectoryError(ENOTDIR, os.strerror(ENOTDIR))
    if path.is_dir() and _is_used(path):
        raise ConfigError(
            f"{path} is not empty, and embedtune never mixes its results with other files",
            where="--output",
            next="name a folder that does not exist yet",
        )


@contextmanager
def fresh_folder(asked: str | None, parent: Path, name: str) -> Iterator[Path]:
    """Make the folder that was asked for, or a dated one; remove what was written there if the work fails.

    A marker lies in the folder while results are written. Where a killed process left it, or one that could not clean
    up, the results in the folder are that process's and are removed first.

    Args:
        asked: a folder that does not exist or is empty; None for `parent/<date>-<name>`.
        parent: where the dated folder goes.
        name: what the dated folder is named after.

    Raises:
        ConfigError: the folder already holds files.
        OutputError: it cannot be made or written, or another process is writing there.
    """
    path = output_path(asked, parent, name)
    with reporting_unwritable(path):
        made = not path.is_dir()
        if not (path / UNFINISHED).exists():
            refuse_used(path)
    with alone(path / UNFINISHED) as lock:
        with reporting_unwritable(path):
            _begin(path)
        try:
            yield path
        except BaseException as error:
            lock.stays = not _is_emptied(path)
            with suppress(OSError):
                if made:
                    path.rmdir()
                if not asked:
                    parent.rmdir()  # only if nothing else is in it
            fault = None if isinstance(error, EmbedtuneError) else machine_fault(error)
            if fault is not None:
                raise OutputError(fault.message, where=fault.where or str(path), next=fault.next) from error
            if isinstance(error, OSError):
                raise _unwritable(path, error) from error
            raise


def _begin(path: Path) -> None:
    """Remove what a killed process left; its marker has content, a new marker is empty."""
    marker = path / UNFINISHED
    if marker.stat().st_size:
        _empty(path, RESULTS, but=marker)
    if _is_used(path):
        marker.unlink()
        refuse_used(path)
    marker.write_text("results are being written here\n", encoding="utf-8")


def _is_emptied(path: Path) -> bool:
    """Remove the results in a folder, and then its marker; whether nothing is left of them."""
    marker = path / UNFINISHED
    try:
        _empty(path, RESULTS, but=marker)
        if any(entry != marker and re.fullmatch(RESULTS, entry.name) for entry in path.iterdir()):
            return False
    except OSError:
        return False
    discard(marker)
    return True


def _is_used(path: Path) -> bool:
    return any(not entry.name.endswith(UNFINISHED) for entry in path.iterdir())


def _empty(path: Path, own: str, *, but: Path | None = None) -> None:
    for entry in path.iterdir():
        if entry != but and re.fullmatch(own, entry.name):
            discard(entry)


def _unwritable(path: Path, error: Exception) -> OutputError:
    return OutputError(
        f"cannot write to {str(path)[:200]}: {getattr(error, 'strerror', None) or error}",
        where="--output",
        next="name a folder that you may write to",
    )
