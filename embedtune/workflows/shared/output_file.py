"""A file for results: never a folder, and never in the place of what the command reads."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from embedtune.errors import ConfigError, OutputError


def demand_own_files(files: Sequence[Path], read: Mapping[str, str | None]) -> None:
    """Refuse what cannot be a file, or is what the command reads; cheap, so that it can come before any work.

    Args:
        files: what is written, the one that `--output` names first.
        read: option -> what the user named with it.

    Raises:
        ConfigError: one of them is read.
        OutputError: the first is a folder, or its name cannot be a file's.
    """
    where = f"--output {files[0]}"
    try:
        is_folder = files[0].is_dir()
    except OSError as error:  # such as a name that is too long
        raise OutputError(f"cannot be written: {error.strerror}", where="--output") from error
    if is_folder:
        raise OutputError("this is a folder, and a file is needed", where=where, next="name a file in it")
    for option, name in read.items():
        if any(is_same(name, path) for path in files):
            raise ConfigError(
                f"the file of {option} would be written over", where=where, next="give the output another name"
            )


def is_same(name: str | None, path: Path) -> bool:
    """Whether a name that the user gave is that of a file, by whatever path."""
    return name is not None and Path(name).expanduser().resolve() == path.resolve()
