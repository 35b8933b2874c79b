"""Files that a recipe names, looked for where one is now and where the run was started."""

import os
from pathlib import Path
from typing import Any

from embedtune.config.train import TrainConfig

WORDS = ("samples", "starter", "self", "none", "auto")
"""Names that are no files, whatever lies in the folder one is in."""
FILES = {"data": ("source", "eval_source"), "model": ("name",), "guide": ("name",), "output": ("store",)}
"""Keys of a recipe, by section, that may name a file or a folder."""


def found_again(config: TrainConfig, started_in: Path) -> TrainConfig:
    """The recipe of a run as it reads from here: what it names and is not here is looked for where it was started."""
    there, here = located(config, started_in), located(config, Path.cwd())
    found = {
        name: {key: value for key, value in names.items() if here[name][key] == getattr(getattr(config, name), key)}
        for name, names in there.items()
    }
    return config.model_copy(
        update={name: getattr(config, name).model_copy(update=names) for name, names in found.items()}
    )


def located(config: TrainConfig, base: Path) -> dict[str, dict[str, Any]]:
    """The names of files in a recipe, by section and key; of those that are there as seen from a folder, the place."""
    return {
        name: {key: _place(getattr(getattr(config, name), key), base) for key in keys} for name, keys in FILES.items()
    }


def _place(name: str | None, base: Path) -> str | None:
    if name is None or name in WORDS:
        return name
    place = os.path.join(base, name)  # noqa: PTH118  (leaves an absolute name as it is, byte for byte)
    return place if os.path.exists(place) else name  # noqa: PTH110  (pathlib raises on a name no file can have)
