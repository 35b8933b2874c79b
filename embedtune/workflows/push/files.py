"""The files of a model that are published: those that loading it needs, its card and its licence, and nothing else."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from embedtune.errors import ConfigError, ModelError
from embedtune.reports.results.push import PushedFile
from embedtune.workflows.shared.run_folder import RunFolder

SUFFIXES = (".json", ".safetensors", ".model", ".txt", ".jinja", ".onnx", ".xml", ".bin.index.json")
WHOLE = ("README.md", "LICENSE", "LICENSE.md", "LICENSE.txt", "NOTICE", "NOTICE.txt", "spiece.model")


def model_folder(name: str) -> Path:
    """The folder of the model that a run, or a folder with a model, means.

    Raises:
        ConfigError: there is neither.
        ModelError: the run has no model yet.
    """
    path = Path(name).expanduser()
    run = RunFolder(path)
    if run.begun:
        if not run.has_model:
            raise ModelError(f"{path} holds a run without a model", next=f"embedtune train --resume {path}")
        return run.model
    if not (path / "modules.json").is_file():
        raise ConfigError(
            f"{path} is neither a run nor a model that embedtune saved" if path.exists() else f"there is no {path}",
            where="RUN",
            next="name the folder of a run, such as runs/first; `embedtune runs list` shows them",
        )
    return path


def files_of(folder: Path) -> list[PushedFile]:
    """The files to publish, by name. A link is not followed: what it leads to may not be meant for others.

    Raises:
        ModelError: the folder holds weights that can run code when they are opened, or a link.
    """
    found = []
    for path in sorted(_inside(folder)):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            raise ModelError(f"{path} is a link, and links are not followed", next="put the file itself there")
        if path.suffix in (".bin", ".pt", ".pkl", ".pickle", ".ckpt"):
            raise ModelError(
                f"{path} is a pickle, which can run code when others open it",
                next="load the model and save it with sentence-transformers, which writes safetensors",
            )
        if is_model_file(name):
            found.append(PushedFile(name, path.stat().st_size))
    return found


def is_model_file(name: str) -> bool:
    """Whether a file belongs to a model.

    >>> [is_model_file(name) for name in ("1_Pooling/config.json", "README.md", ".cache/x.json", "pairs.jsonl")]
    [True, True, False, False]
    """
    path = PurePosixPath(name)
    hidden = any(part.startswith(".") for part in path.parts)
    return not hidden and (path.name in WHOLE or path.name.endswith(SUFFIXES))


def left_here(folder: Path, files: list[PushedFile]) -> list[str]:
    """Files in the folder that are not published."""
    sent = {file.name for file in files}
    return [name for path in sorted(_inside(folder)) if (name := path.relative_to(folder).as_posix()) not in sent]


def _inside(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_symlink() or path.is_file())
