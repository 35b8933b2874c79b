"""Output files: never a folder, and never a file that the command reads."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from embedtune.errors import ConfigError, OutputError


def demand_own_files(files: Sequence[Path], read: Mapping[str, str | None]) -> None:
    """Refuse outputs that are folders or inputs of the command; cheap, so it comes before any work.

    Args:
        files: what will be written; the first is the one that `--output` names.
        read: option -> the file that the user named with it.

    Raises:
        ConfigError: one of them is an input.
        OutputError: the first is a folder, or its name is not a valid file name.
    """
    where = f"--output {files[0]}"
    try:
        is_folder = files[0].is_dir()
    except OSError as error:  # such as a name that is too long
        raise OutputError(f"cannot be written: {error.strerror}", where="--output") from error
    if is_folder:
        raise OutputError("this is a folder; a file is needed", where=where, next="name a file in it")
    for option, name in read.items():
        if any(is_same(name, path) for path in files):
            raise ConfigError(
                f"this would overwrite the file of {option}", where=where, next="give the output another name"
            )


def is_same(name: str | None, path: Path) -> bool:
    """Whether a name that the user gave refers to this file, whatever path it takes."""
    return name is not None and Path(name).expanduser().resolve() == path.resolve()
