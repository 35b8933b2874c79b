"""Published figures that `embedtune reproduce` computes again: one YAML file per encoder, in `reproductions/`."""

from pathlib import Path

import yaml
from pydantic import Field, ValidationError

from embedtune.config.recipe.shipped import shipped
from embedtune.config.section import Name, RecipeSection
from embedtune.config.suggest import did_you_mean
from embedtune.errors import ConfigError

_SUFFIX = ".yaml"


class PublishedFigure(RecipeSection):
    """A figure as it was published.

    Args:
        name: of the set, for --data NAME=SET.
        metric: such as ndcg@10 or spearman.
        published: its value.
        tolerance: how far the value found here may be from it: rounding, other hardware, other versions.
        split: of the set.
        source: where it was published.
        data: what the set is, for those who have to get it.
    """

    name: Name
    metric: Name
    published: float = Field(ge=-1, le=1)
    tolerance: float = Field(gt=0, le=0.05)
    split: Name = "test"
    source: Name
    data: Name


class PublishedEncoder(RecipeSection):
    """An encoder and what was published about it."""

    model: Name
    prompts: str = ""
    figures: list[PublishedFigure] = Field(min_length=1)


def reproductions_folder() -> Path:
    """The folder of the entries."""
    return shipped("reproductions", "reproductions")


def reproduction_names() -> tuple[str, ...]:
    """The entries, from the folder's listing."""
    return tuple(sorted(path.stem for path in reproductions_folder().glob(f"*{_SUFFIX}")))


def read_reproduction(name: str) -> PublishedEncoder:
    """An entry by its name, or from a file of one's own.

    Raises:
        ConfigError: there is none, or it cannot be read.
    """
    own = Path(name).expanduser()
    path = own if own.suffix == _SUFFIX and own.is_file() else reproductions_folder() / f"{name}{_SUFFIX}"
    if name not in reproduction_names() and path is not own:
        known = reproduction_names()
        raise ConfigError(
            f"there is no entry {name!r}{did_you_mean(name, known)}",
            where="NAME",
            next=f"entries are {', '.join(known)}; a YAML file of your own will do, too",
        )
    try:
        return PublishedEncoder.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path} cannot be read: {error}", where="NAME") from None
    except ValidationError as error:
        found = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise ConfigError(
            f"{path}: {found}",
            where="NAME",
            next="its keys are model and figures, each with a name, metric, published, tolerance, source and data",
        ) from None
