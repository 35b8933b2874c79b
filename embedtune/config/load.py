"""Recipe file + options + `key=value` overrides -> one checked `TrainConfig`, or everything that is wrong, at once.

A later source wins over an earlier one: defaults, recipe, options, overrides. The same key from an option and an
override, or twice in the overrides, is a mistake: one of the two would be ignored in silence.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from embedtune.config import options as cli_options
from embedtune.config.problems import InvalidConfig, Problem, explain
from embedtune.config.recipes import find_recipe
from embedtune.config.schema import TrainConfig
from embedtune.config.suggest import did_you_mean
from embedtune.config.yaml_text import Document, RecipeDumper, YamlMistake, read_scalar, read_yaml
from embedtune.errors import ConfigError

CheckArgs = Callable[[str, Mapping[str, Any]], None]


def load_config(
    recipe: str | None = None,
    overrides: Sequence[str] = (),
    options: Mapping[str, Any] | None = None,
    *,
    known_losses: Sequence[str] | None = None,
    check_args: CheckArgs | None = None,
) -> TrainConfig:
    """The configuration that a command line asks for.

    Args:
        recipe: a file or the name of a built-in recipe; None for the defaults.
        overrides: `dotted.key=value`, list positions as numbers: `loss.0.args.temperature=0.02`.
        options: option -> value by Python name (`{"batch_size": 64, "loss": ["gist", "sigreg:0.05"]}`, see
            `options.KEYS`); None and empty lists are options that were not given.
        known_losses: the names that exist. The caller passes them, since losses stand above config.
        check_args: called with name and arguments of each term that is otherwise in order; raises ConfigError.

    Raises:
        InvalidConfig: a ConfigError that lists every problem.
        ConfigError: there is no such recipe, or its file cannot be read.
    """
    draft = _Draft(recipe)
    draft.take_options(options or {})
    draft.take_overrides(overrides)
    config = draft.validated()
    draft.check_losses(known_losses, check_args)
    if draft.problems or config is None:
        raise InvalidConfig(
            draft.problems, source=draft.source, next="`embedtune recipes show gist-pairs` prints a recipe that works"
        )
    return config


def dump_config(config: TrainConfig) -> str:
    """The whole configuration as YAML, in the order of the schema; `load_config` reads it back to an equal one."""
    return yaml.dump(config.model_dump(), Dumper=RecipeDumper, sort_keys=False, allow_unicode=True, width=120)


class _Draft:
    """Values on their way to a TrainConfig, and where each came from."""

    def __init__(self, recipe: str | None) -> None:
        path = find_recipe(recipe) if recipe is not None else None
        self.source = str(path) if path else None
        self.problems: list[Problem] = []
        self.places: dict[str, str] = {}
        self.given: dict[str, str] = {}
        document = self._read(path) if path else Document(values={})
        self.values: dict[str, Any] = document.values
        for key, line, message in document.mistakes:
            self.problems.append(Problem(f"{self.source}:{line}", key, message))
        self.places |= {key: f"{self.source}:{line}" for key, line in document.lines.items()}

    def _read(self, path: Path) -> Document:
        try:
            document = read_yaml(path.read_text(encoding="utf-8-sig"))
        except OSError as error:
            raise ConfigError(f"the recipe cannot be read: {error.strerror}", where=str(path)) from None
        except UnicodeDecodeError as error:
            raise ConfigError(f"the recipe is not UTF-8 text (byte {error.start})", where=str(path)) from None
        except YamlMistake as error:
            place = f"{path}:{error.line}" if error.line else str(path)
            raise InvalidConfig([Problem(place, "", error.message)], source=str(path)) from None
        if not isinstance(document.values, dict):
            found = "empty" if document.values is None else f"a {type(document.values).__name__}"
            message = f"a recipe is a mapping with sections {', '.join(TrainConfig.model_fields)}; this file is {found}"
            raise InvalidConfig([Problem(str(path), "", message)], source=str(path))
        return document

    def take_options(self, given: Mapping[str, Any]) -> None:
        """Set what each option stands for; `--loss` comes before the options that change one of its terms."""
        for name in sorted(given, key=lambda name: cli_options.KEYS[name].count(".")):
            if given[name] is None or given[name] == [] or given[name] == ():
                continue
            place = cli_options.option_name(name)
            try:
                self._set(cli_options.KEYS[name], cli_options.read_option(name, given[name]), place)
            except (cli_options.OptionMistake, YamlMistake) as error:
                self.problems.append(Problem(place, "", str(error)))

    def take_overrides(self, overrides: Sequence[str]) -> None:
        """Set each `dotted.key=value`."""
        for override in overrides:
            key, equals, text = override.partition("=")
            if not equals or not key:
                message = f"{override!r} is not KEY=VALUE, such as training.epochs=3"
                self.problems.append(Problem("command line", "", message))
                continue
            try:
                self._set(key, read_scalar(text), override)
            except YamlMistake as error:
                self.problems.append(Problem(override, key, error.message))

    def _set(self, key: str, value: Any, place: str) -> None:
        if key in self.given:
            self.problems.append(Problem(place, key, f"given twice, also by {self.given[key]}"))
            return
        self.given[key] = place
        if key.startswith("loss.") and self.values.get("loss") is None:
            self.values["loss"] = TrainConfig().model_dump(include={"loss"})["loss"]
        message = _put(self.values, key.split("."), value)
        if message:
            self.problems.append(Problem(place, key, message))
        # What stood below the key in the recipe is gone, and its lines with it.
        self.places = {old: line for old, line in self.places.items() if not f"{old}.".startswith(f"{key}.")}
        self.places[key] = place

    def validated(self) -> TrainConfig | None:
        """The configuration, or None with the schema's objections noted."""
        try:
            return TrainConfig.model_validate(self.values)
        except ValidationError as error:
            for key, message in explain(error, self.values):
                self.problems.append(Problem(self._place(key), key, message))
            return None

    def check_losses(self, known: Sequence[str] | None, check_args: CheckArgs | None) -> None:
        """Note the terms whose name is unknown or whose arguments their loss refuses."""
        terms = self.values.get("loss")
        terms = TrainConfig().model_dump()["loss"] if terms is None else terms
        for i, term in enumerate(terms if isinstance(terms, list) else []):
            name = term.get("name") if isinstance(term, dict) else None
            args = term.get("args") or {} if isinstance(term, dict) else {}
            if not isinstance(name, str) or not isinstance(args, dict):
                continue  # the schema has said so
            if known is not None and name not in known:
                message = f"there is no loss {name!r}{did_you_mean(name, known) or ';'} there are {', '.join(known)}"
                self.problems.append(Problem(self._place(f"loss.{i}.name"), f"loss.{i}.name", message))
            elif check_args is not None:
                self._check_args(f"loss.{i}.args", name, args, check_args)

    def _check_args(self, key: str, name: str, args: dict[str, Any], check_args: CheckArgs) -> None:
        try:
            check_args(name, args)
        except ConfigError as error:
            self.problems.append(Problem(self._place(key), key, error.message))

    def _place(self, key: str) -> str:
        while key and key not in self.places:
            key = key.rpartition(".")[0]
        return self.places.get(key) or self.source or "command line"


def _put(values: Any, path: Sequence[str], value: Any) -> str | None:
    """Set the value at a path, making the sections on the way; says what is in the way otherwise."""
    for depth, part in enumerate(path):
        last = depth == len(path) - 1
        if isinstance(values, list):
            if not part.isascii() or not part.isdigit() or int(part) > len(values):
                return f"{'.'.join(path[:depth])} is a list; its positions are 0 to {len(values)} (the last adds one)"
            position: Any = int(part)
            if position == len(values):
                values.append({})
        elif isinstance(values, dict):
            position = part
            if values.get(part) is None and not last:
                values[part] = {}
        else:
            return f"{'.'.join(path[:depth])} is a single value and holds no {part!r}"
        if last:
            values[position] = value
        values = values[position]
    return None
