"""Finding the files that a recipe names, from the current folder or from where the run was started."""

import os
from pathlib import Path
from typing import Any, TypeVar

from embedtune.config.sections.several_sets import SetSection
from embedtune.config.verbs.train import TrainConfig

Recipe = TypeVar("Recipe", bound=TrainConfig)
WORDS = ("samples", "samples:en", "samples:ko", "starter", "static", "self", "none", "auto")
"""Names that never mean a file, whatever the current folder holds."""
FILES = {
    "data": ("source", "eval_source"),
    "model": ("name",),
    "query_model": ("name",),
    "guide": ("name",),
    "teacher": ("name",),
    "output": ("store",),
}
"""Keys of a recipe, by section, that may name a file or a folder."""


def found_again(config: Recipe, started_in: Path) -> Recipe:
    """The recipe of a run with its files found: from the current folder, else from where the run was started."""
    there, here = located(config, started_in), located(config, Path.cwd())
    found = {
        name: {key: value for key, value in names.items() if here[name][key] == getattr(getattr(config, name), key)}
        for name, names in there.items()
    }
    further = [_further_again(one, started_in) for one in config.data.further]
    found["data"] |= {"further": further} if further else {}
    return config.model_copy(
        update={name: getattr(config, name).model_copy(update=names) for name, names in found.items()}
    )


def _further_again(one: SetSection, started_in: Path) -> SetSection:
    """A further set with its files found."""
    names = {key: getattr(one, key) for key in FILES["data"]}
    lost = {key: name for key, name in names.items() if _place(name, Path.cwd()) == name}
    return one.model_copy(update={key: _place(name, started_in) for key, name in lost.items()})


def located(config: TrainConfig, base: Path) -> dict[str, dict[str, Any]]:
    """The files that a recipe names, by section and key; those that exist relative to `base` with their full path."""
    return {
        name: {key: _place(getattr(getattr(config, name), key), base) for key in keys} for name, keys in FILES.items()
    }


def _place(name: str | None, base: Path) -> str | None:
    if name is None or name in WORDS:
        return name
    place = os.path.join(base, name)  # noqa: PTH118  (leaves an absolute name as it is, byte for byte)
    return place if os.path.exists(place) else name  # noqa: PTH110  (pathlib raises on a name no file can have)
