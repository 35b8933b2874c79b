"""Where the built-in recipes and samples are: at the root of a checkout, inside the package once installed."""

import os
from dataclasses import dataclass
from pathlib import Path

from embedtune.config.suggest import did_you_mean
from embedtune.errors import ConfigError

_PACKAGE = Path(__file__).resolve().parents[2]
_SUFFIX = ".yaml"


@dataclass(frozen=True)
class RecipeCard:
    """The comment that opens a built-in recipe: the command that runs it, and when to use it."""

    name: str
    path: Path
    command: str
    when: str


def recipes_folder() -> Path:
    """The folder of the built-in recipes."""
    return shipped("recipes", "recipes")


def samples_folder() -> Path:
    """The folder of the sample data set."""
    return shipped("samples", "data/samples")


def guard_folder() -> Path:
    """The folder of the default guard: what a fine-tuned encoder should still be able to do."""
    return shipped("guard", "data/guard")


def recipe_names() -> tuple[str, ...]:
    """The built-in recipes, from the folder's listing."""
    return tuple(sorted(path.stem for path in recipes_folder().glob(f"*{_SUFFIX}")))


def find_recipe(name_or_path: str) -> Path:
    """The file of a recipe, given as a path or as the name of a built-in one. A file that is there comes first.

    Raises:
        ConfigError: there is neither such a file nor such a recipe.
    """
    if "\0" in name_or_path:
        raise ConfigError("the name of a recipe holds the character NUL", where="recipe")
    path = Path(name_or_path).expanduser()
    # os.path and not pathlib, which raises on a name too long for the file system.
    if os.path.exists(path) and not os.path.isdir(path):  # noqa: PTH110, PTH112
        return path
    name = path.name.removesuffix(_SUFFIX)
    # `recipes/gist-pairs.yaml`, as the documentation has it, also works without a checkout.
    if name in recipe_names() and path.parent in (Path(), Path("recipes")):
        return recipes_folder() / f"{name}{_SUFFIX}"
    if os.path.isdir(path):  # noqa: PTH112
        raise ConfigError(f"{name_or_path!r} is a folder; a recipe is one YAML file", where="recipe")
    raise ConfigError(
        f"no file and no built-in recipe is called {name_or_path[:200]!r}{did_you_mean(path.stem, recipe_names())}",
        where="recipe",
        next="`embedtune recipes list` shows the built-in ones: " + ", ".join(recipe_names()),
    )


def recipe_card(name: str) -> RecipeCard:
    """The card of a built-in recipe, read from its opening comment: `# command`, an empty `#`, then a paragraph."""
    path = find_recipe(name)
    comment = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        comment.append(line.removeprefix("#").strip())
    paragraphs = [" ".join(part.split()) for part in "\n".join(comment).split("\n\n")]
    command, when = [*paragraphs, "", ""][:2]
    return RecipeCard(path.stem, path, command, when)


def shipped(name: str, in_checkout: str) -> Path:
    """A folder that ships with embedtune, by its name in the package and in a checkout."""
    inside = _PACKAGE / "shipped" / name
    return inside if inside.is_dir() else _PACKAGE.parent / in_checkout
