"""The errors about files of a model folder, in the same words wherever one is found."""

from pathlib import Path

from embedtune.errors import ModelError


def unreadable(file: Path, error: OSError) -> ModelError:
    """A file or folder that the system does not give."""
    return ModelError(
        f"{file} cannot be read: {error.strerror or error}", where="model", next="check its permissions and its disk"
    )


def cut_off(file: Path, there: int, needed: int) -> ModelError:
    """A file with fewer bytes than it says."""
    return ModelError(
        f"{file} is cut off: it has {there:,} of at least {needed:,} bytes",
        where="model",
        next="copy or download it again",
    )


def damaged(file: Path, why: str) -> ModelError:
    """A file with other content than it must have."""
    return ModelError(f"{file} cannot be used: {why}", where="model", next="copy or download the model again")


def incomplete(folder: Path, missing: str, why: str) -> ModelError:
    """A folder that lacks a file that another file names."""
    return ModelError(
        f"{folder} is incomplete: {missing} is missing, but {why}",
        where="model",
        next="copy or download the whole model again, subfolders included",
    )
