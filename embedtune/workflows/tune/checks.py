"""What a race is refused for before anything is read: options that it would ignore, and arms that cannot be."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from embedtune.config.recipe.load import dump_config, load
from embedtune.config.sections.guard import DEFAULT_GUARD, NO_GUARD
from embedtune.config.verbs.train import TrainConfig
from embedtune.config.verbs.tune import TuneConfig
from embedtune.errors import ConfigError
from embedtune.losses import build_loss, loss_class, loss_names
from embedtune.racing.race import MERGED

DEFAULT = "default"
SHARED = ("data", "model", "guard", "output", "matryoshka", "quantize_aware", "side")
"""Sections that are the same for all arms: they share the encoder, the data, their vectors and their tests."""
ADAPTERS = "model.lora"
"""Where they race against all weights; a key of a section that is shared otherwise."""


def check_race(config: TuneConfig) -> None:
    """Refuse what a race cannot do, and arms that change what does not exist.

    Raises:
        ConfigError: names it.
    """
    _check_recipe(config.recipe)
    with TemporaryDirectory() as folder:
        recipe = Path(folder) / "default.yaml"
        recipe.write_text(dump_config(config.recipe), encoding="utf-8")
        for name, changes in config.tune.arms.items():
            recipe_of_arm(name, changes, recipe)


def recipe_of_arm(name: str, changes: Sequence[str], default: Path) -> TrainConfig:
    """The recipe of an arm.

    Args:
        name: of the arm.
        changes: `section.key=value`.
        default: a file with the default recipe.

    Raises:
        ConfigError: it changes what does not exist or all arms share, or to what is not allowed.
    """
    if name in (DEFAULT, MERGED):
        raise ConfigError(f"an arm cannot be called {name}", where="tune.arms", next="give it another name")
    shared = [key for key in (one.partition("=")[0] for one in changes) if _is_shared(key)]
    if shared:
        raise ConfigError(
            f"the arm {name} changes {shared[0]}, which all arms of a race share",
            where="tune.arms",
            next="race what is trained (training, loss, guide, negatives), or run `embedtune tune` once for each",
        )
    try:
        return load(TrainConfig, str(default), changes, known_losses=loss_names(), check_args=_check)
    except ConfigError as error:
        raise ConfigError(
            f"the arm {name} cannot race: {error.message}",
            where="tune.arms",
            next="`embedtune recipes keys` lists what an arm can change, and to what",
        ) from error


def _is_shared(key: str) -> bool:
    """Whether all arms have the same value of it.

    >>> _is_shared("model.name"), _is_shared("model.lora.rank"), _is_shared("training.lr")
    (True, False, False)
    """
    return key.partition(".")[0] in SHARED and not key.startswith(ADAPTERS)


def _check(loss: str, args: Mapping[str, Any]) -> None:
    """Let a loss refuse its arguments."""
    build_loss(loss, **args)


def _check_recipe(config: TrainConfig) -> None:
    """Refuse a default recipe that no race starts from.

    Raises:
        ConfigError: names the option.
    """
    found = {
        "--task reranker": config.task == "reranker",
        "--domains": config.domains.by is not None,
        "--guard": config.guard.sets not in ([DEFAULT_GUARD], [NO_GUARD]),
        "--guard-policy": config.guard.policy != "tell",
        "--merge": config.guard.merge != "none",
        "--side query": config.side == "query",
        "--teacher": config.teacher.given,
        "--query-model": config.query_model.given,
        "several --data": bool(config.data.further),
        "a loss that learns from scored pairs": any(loss_class(term.name).learns_grades for term in config.loss or ()),
    }
    if config.model.lora is not None:
        raise ConfigError(
            "the default recipe of a race trains all weights",
            where="model.lora",
            next="let adapters race against it: an arm of tune.arms that changes model.lora.rank=16",
        )
    for name, asked in found.items():
        if asked:
            raise ConfigError(f"a race has no use for {name}", where=name, next="`embedtune train` has")
