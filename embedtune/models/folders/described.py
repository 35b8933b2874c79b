"""Whether a folder holds a model at all, told from its file names."""

import os
from pathlib import Path

from embedtune.errors import ModelError
from embedtune.models.export.settings import SETTINGS
from embedtune.models.folders.family import other_weights

DESCRIBED_BY = ("modules.json", "config.json", "adapter_config.json", SETTINGS)
"""Files of which any makes a folder a model: of sentence-transformers, of transformers, of PEFT, and an export."""
NAME_A_MODEL = "name the folder of a model; data are given with --data"


def is_model(folder: Path) -> bool:
    """Whether a folder holds a file that describes a model."""
    return any((folder / name).exists() for name in DESCRIBED_BY)


def demand_described(folder: Path) -> None:
    """Refuse a path that is not a readable folder with a file that describes a model.

    Raises:
        ModelError: says what is there instead.
    """
    if not folder.is_dir():
        around = is_model(folder.parent)
        raise ModelError(
            f"{folder} is a file; a model is a folder",
            where="model",
            next=f"try {folder.parent}" if around else NAME_A_MODEL,
        )
    if not os.access(folder, os.R_OK | os.X_OK):
        raise ModelError(f"{folder} cannot be read: permission denied", where="model", next="check its permissions")
    if not is_model(folder):
        other = other_weights(file.name for file in folder.iterdir())
        raise ModelError(
            f"{folder} is not a model: it has neither modules.json (sentence-transformers) nor config.json "
            f"(transformers); it holds {_listing(folder)}"
            + (f", weights for {other} that cannot be trained or read here" if other else ""),
            where="model",
            next=_model_inside(folder) or ("name the model that they were converted from" if other else NAME_A_MODEL),
        )


def demand_access(folder: Path) -> None:
    """Refuse a path that may exist, but lies in a folder that may not be entered."""
    try:
        folder.stat()
    except PermissionError as error:
        raise ModelError(
            f"{folder} cannot be read: {error.strerror}", where="model", next="check the permissions of its folders"
        ) from None
    except (OSError, ValueError):  # it is not there, or its name can be no file's
        return


def _listing(folder: Path) -> str:
    names = sorted(entry.name + ("/" if entry.is_dir() else "") for entry in folder.iterdir())
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "") if names else "nothing"


def _model_inside(folder: Path) -> str | None:
    inside = sorted(path.parent for path in folder.glob("*/*.json") if path.name in ("modules.json", "config.json"))
    return f"there is a model in {inside[0]}" if inside else None
