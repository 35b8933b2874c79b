"""Recipe file + options + `key=value` overrides -> one checked configuration, or everything that is wrong, at once."""

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from embedtune.config.check import CHECK_KEYS, CheckConfig
from embedtune.config.encode import ENCODE_KEYS, SEARCH_KEYS, EncodeConfig, SearchConfig
from embedtune.config.evaluate import EVALUATE_KEYS, EvaluateConfig
from embedtune.config.mine import MINE_KEYS, MineConfig
from embedtune.config.options import KEYS
from embedtune.config.recipe.draft import CheckArgs, Config, Draft
from embedtune.config.recipe.problems import InvalidConfig
from embedtune.config.recipe.yaml_text import RecipeDumper
from embedtune.config.section import RecipeSection
from embedtune.config.train import TrainConfig

SCHEMAS: Mapping[str, type[RecipeSection]] = {
    "train": TrainConfig,
    "mine": MineConfig,
    "evaluate": EvaluateConfig,
    "check": CheckConfig,
    "encode": EncodeConfig,
}
"""The commands that take recipes."""


def load_config(
    recipe: str | None = None,
    overrides: Sequence[str] = (),
    options: Mapping[str, Any] | None = None,
    *,
    known_losses: Sequence[str] | None = None,
    check_args: CheckArgs | None = None,
) -> TrainConfig:
    """The configuration that a command line asks for.

    A later source wins over an earlier one: defaults, recipe, options, overrides. The same key from an option and an
    override, or twice in the overrides, is a mistake: one of the two would be ignored in silence.

    >>> load_config(None, ["training.epochs=3"], {"loss": ["gist", "sigreg:0.05"]}).loss[1].weight
    0.05

    Args:
        recipe: a file or the name of a built-in recipe; None for the defaults.
        overrides: `dotted.key=value`, list positions as numbers: `loss.0.args.temperature=0.02`.
        options: option -> value by Python name (`{"batch_size": 64, "loss": ["gist", "sigreg:0.05"]}`, see
            `options.KEYS`); None and empty lists are options that were not given.
        known_losses: the names that exist. The caller passes them, since losses stand above config.
        check_args: called with name and arguments of each term whose name exists; raises ConfigError.

    Raises:
        InvalidConfig: a ConfigError that lists every problem.
        ConfigError: there is no such recipe, or its file cannot be read.
    """
    draft = Draft(recipe, TrainConfig, KEYS)
    draft.take_options(options or {})
    draft.take_overrides(overrides)
    config = draft.validated()
    draft.check_losses(known_losses, check_args)
    example = "`embedtune recipes show gist-pairs` prints a recipe that works"
    return _checked(draft, config, example if draft.source else "`embedtune train --help` explains the options")


def load_mining(
    recipe: str | None = None, overrides: Sequence[str] = (), options: Mapping[str, Any] | None = None
) -> MineConfig:
    """The same for `embedtune mine`.

    >>> load_mining(None, ["filters.max_score=0.8"], {"negatives": 7}).mining.negatives
    7
    """
    step = "`embedtune mine --dry-run` prints a recipe that works"
    return _load(Draft(recipe, MineConfig, MINE_KEYS), overrides, options or {}, step)


def load_evaluation(
    options: Mapping[str, Any], overrides: Sequence[str] = (), recipe: str | None = None
) -> EvaluateConfig:
    """The same for `embedtune evaluate`.

    >>> load_evaluation({"model": ["starter"], "dimensions": "64,128"}).models.dimensions
    [64, 128]
    """
    step = "`embedtune evaluate --help` explains the options"
    return _load(Draft(recipe, EvaluateConfig, EVALUATE_KEYS), overrides, options, step)


def load_check(options: Mapping[str, Any], overrides: Sequence[str] = (), recipe: str | None = None) -> CheckConfig:
    """The same for `embedtune check`.

    >>> load_check({"data": "pairs.jsonl", "fail_on": "warning"}).check.fail_on
    'warning'
    """
    step = "`embedtune check --help` explains the options"
    return _load(Draft(recipe, CheckConfig, CHECK_KEYS), overrides, options, step)


def load_encoding(options: Mapping[str, Any], overrides: Sequence[str] = (), recipe: str | None = None) -> EncodeConfig:
    """The same for `embedtune encode`.

    >>> load_encoding({"model": "a", "output": "a.parquet"}).output.path
    'a.parquet'
    """
    step = "`embedtune encode --help` explains the options"
    return _load(Draft(recipe, EncodeConfig, ENCODE_KEYS), overrides, options, step)


def load_search(options: Mapping[str, Any]) -> SearchConfig:
    """The same for `embedtune search`, whose words are the query.

    >>> load_search({"model": ["a", "bm25"], "top": 3}).search.top
    3
    """
    step = "`embedtune search --help` explains the options"
    return _load(Draft(None, SearchConfig, SEARCH_KEYS), (), options, step)


def verb_of(recipe: str) -> str:
    """The command that a recipe is for: the one that knows most of its sections; train where several know as many.

    Raises:
        ConfigError: there is no such recipe, or its file cannot be read.
    """
    sections = Draft(recipe, TrainConfig, KEYS).values.keys()
    known = {verb: len(sections & schema.model_fields.keys()) for verb, schema in SCHEMAS.items()}
    return max(known, key=lambda verb: known[verb])


def _load(draft: Draft[Config], overrides: Sequence[str], options: Mapping[str, Any], step: str) -> Config:
    draft.take_options(options)
    draft.take_overrides(overrides)
    return _checked(draft, draft.validated(), step)


def _checked(draft: Draft[Config], config: Config | None, step: str) -> Config:
    if draft.problems or config is None:
        raise InvalidConfig(draft.problems, source=draft.source, next=step)
    return config


def dump_config(config: RecipeSection) -> str:
    """The whole configuration as YAML, in the order of the schema; `load_config` reads it back to an equal one."""
    return yaml.dump(config.model_dump(), Dumper=RecipeDumper, sort_keys=False, allow_unicode=True, width=120)
