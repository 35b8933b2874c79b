"""Recipe file + options + `key=value` overrides -> one checked configuration, or everything that is wrong, at once."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import yaml

from embedtune.config.options import RECIPE_VERBS, schema_of
from embedtune.config.recipe.draft import CheckArgs, Draft
from embedtune.config.recipe.problems import InvalidConfig
from embedtune.config.recipe.yaml_text import RecipeDumper
from embedtune.config.section import RecipeSection
from embedtune.errors import ConfigError

Config = TypeVar("Config", bound=RecipeSection)


def load(
    schema: type[Config],
    recipe: str | None = None,
    overrides: Sequence[str] = (),
    options: Mapping[str, Any] | None = None,
    *,
    known_losses: Sequence[str] | None = None,
    check_args: CheckArgs | None = None,
    verb: str | None = None,
) -> Config:
    """The configuration that a command line asks for.

    A later source wins over an earlier one: defaults, recipe, options, overrides. The same key from an option and an
    override, or twice in the overrides, is a mistake: one of the two would be ignored silently.

    >>> from embedtune.config.verbs.train import TrainConfig
    >>> load(TrainConfig, None, ["training.epochs=3"], {"loss": ["gist", "sigreg:0.05"]}).loss[1].weight
    0.05

    Args:
        schema: what to load, such as `TrainConfig`.
        recipe: a file or the name of a built-in recipe; None for the defaults.
        overrides: `dotted.key=value`, list positions as numbers: `loss.0.args.temperature=0.02`.
        options: option -> value by Python name (`{"batch_size": 64, "loss": ["gist", "sigreg:0.05"]}`), as the schema
            declares them; None and empty lists are options that were not given.
        known_losses: the names that exist. The caller passes them, since losses are a layer above config.
        check_args: called with name and arguments of each term whose name exists; raises ConfigError.
        verb: the command that takes the options, where that is not the schema's.

    Raises:
        InvalidConfig: a ConfigError that lists every problem.
        ConfigError: there is no such recipe, or its file cannot be read.
    """
    draft = Draft(recipe, schema)
    draft.take_options(options or {})
    draft.take_overrides(overrides)
    config = draft.validated()
    draft.check_losses(known_losses, check_args)
    if draft.problems or config is None:
        advice = _next(verb or _verb(schema), has_recipe=recipe is not None)
        raise InvalidConfig(draft.problems, source=draft.source, next=advice)
    return config


def recipe_and_values(words: Sequence[str]) -> tuple[str | None, list[str]]:
    """A command's words, divided into the recipe and the values that replace its own.

    Raises:
        ConfigError: there are two recipes.

    >>> recipe_and_values(["a.yaml", "training.lr=0.1"])
    ('a.yaml', ['training.lr=0.1'])
    """
    recipes = [word for word in words if "=" not in word]
    if len(recipes) > 1:
        raise ConfigError(
            f"one recipe at a time, not {len(recipes)}: {', '.join(recipes)}",
            where="RECIPE",
            next="name data with --data, and give values as key=value",
        )
    return (recipes[0] if recipes else None), [word for word in words if "=" in word]


def verb_of(recipe: str) -> str:
    """The verb that a recipe is for: the one that knows most of its sections; train where several know as many.

    Raises:
        ConfigError: there is no such recipe, or its file cannot be read.
    """
    sections = Draft(recipe, schema_of("train")).values.keys()
    return max(RECIPE_VERBS, key=lambda verb: len(sections & schema_of(verb).model_fields.keys()))


def dump_config(config: RecipeSection) -> str:
    """The full configuration as YAML, in the order of the schema; `load` reads it back to an equal one."""
    return dump_values(config.model_dump())


def dump_values(values: Mapping[str, Any]) -> str:
    """Plain values of a configuration as YAML, in their order."""
    text: str = yaml.dump(dict(values), Dumper=RecipeDumper, sort_keys=False, allow_unicode=True, width=120)
    return text


def _verb(schema: type[RecipeSection]) -> str:
    return schema.__module__.rpartition(".")[2]


def _next(verb: str, *, has_recipe: bool) -> str:
    if not has_recipe:
        return f"`embedtune {verb} --help` explains the options"
    works = "embedtune recipes show gist-pairs" if verb == "train" else f"embedtune {verb} --dry-run"
    return f"`{works}` prints a recipe that works"
