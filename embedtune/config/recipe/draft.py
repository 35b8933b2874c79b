"""A configuration being built: plain values, where each is from, and what is wrong with them so far."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from embedtune.config.option_text import OptionMistake, parse_losses, parse_pairs, written_out
from embedtune.config.options import Option, options_of
from embedtune.config.recipe.problems import InvalidConfig, Problem, explain
from embedtune.config.recipe.shipped import find_recipe
from embedtune.config.recipe.yaml_text import MAX_CHARACTERS, YamlDocument, YamlMistake, read_scalar, read_yaml
from embedtune.config.reference.loss_words import likeness
from embedtune.config.section import RecipeSection
from embedtune.config.suggest import did_you_mean
from embedtune.errors import ConfigError, raise_machine_fault

_INSTEAD = "a recipe is YAML, such as `embedtune recipes show gist-pairs` prints; name data with --data"

CheckArgs = Callable[[str, Mapping[str, Any]], None]
Config = TypeVar("Config", bound=RecipeSection)


class Draft(Generic[Config]):
    """Values that are to become a configuration.

    Args:
        recipe: a file or the name of a built-in recipe; None for an empty start.
        schema: what they are to become; it declares the options as well.

    Raises:
        ConfigError: there is no such recipe, its file cannot be read, or it is not a YAML mapping.
    """

    def __init__(self, recipe: str | None, schema: type[Config]) -> None:
        path = find_recipe(recipe) if recipe is not None else None
        self.source = str(path) if path else None
        document = _read(path, schema) if path else YamlDocument(values={})
        self._schema = schema
        self.values: dict[str, Any] = document.values
        self.problems = [Problem(str(path), key, message, line) for key, line, message in document.mistakes]
        self._lines = dict(document.lines)  # of what is still as the recipe has it
        self._given: dict[str, str] = {}  # key -> the option or override that set it

    def take_options(self, given: Mapping[str, Any]) -> None:
        """Set the key of each option, by Python name; `--loss` comes before the options that change a term of it."""
        options = [options_of(self._schema)[name] for name in given if given[name] not in (None, [], ())]
        for option in sorted(options, key=lambda option: option.key.count(".")):
            try:
                self._set(option.key, _read_option(option, given[option.name]), option.spelled)
            except (OptionMistake, YamlMistake) as error:
                self.problems.append(Problem(option.spelled, "", str(error)))

    def take_overrides(self, overrides: Sequence[str]) -> None:
        """Set each `dotted.key=value`."""
        for override in overrides:
            key, equals, text = override.partition("=")
            if not equals or not all(key.split(".")):
                message = f"{override!r} is not KEY=VALUE, such as training.epochs=3"
                self.problems.append(Problem("command line", "", message))
                continue
            try:
                self._set(key, read_scalar(text), override)
            except YamlMistake as error:
                self.problems.append(Problem(override, key, error.message))

    def validated(self) -> Config | None:
        """The configuration, or None with the schema's objections noted."""
        try:
            return self._schema.model_validate(self.values)
        except ValidationError as error:
            for key, message in explain(error, self.values, self._schema):
                self._object(key, message)
            return None

    def check_losses(self, known: Sequence[str] | None, check_args: CheckArgs | None) -> None:
        """Note the terms whose name is unknown or whose arguments their loss refuses."""
        terms = self.values.get("loss", self._default("loss"))
        for i, term in enumerate(terms if isinstance(terms, list) else []):
            if not isinstance(term, dict) or not isinstance(term.get("name"), str):
                continue  # the schema reports it
            name, args = term["name"], term.get("args", {})
            if known is not None and name not in known:
                self._object(f"loss.{i}.name", f"there is no loss {name!r}{_instead(name, known)}")
            elif check_args is not None and isinstance(args, dict):
                try:
                    check_args(name, args)
                except ConfigError as error:
                    self._object(f"loss.{i}.args", error.message)

    def _set(self, key: str, value: Any, place: str) -> None:
        key = ".".join(_position(part) for part in key.split("."))
        other = self._giver(key)
        if other is not None:
            self.problems.append(Problem(place, key, f"given twice, also by {other}"))
            return
        self._given[key] = place
        first, dot, _ = key.partition(".")
        if dot and first not in self.values and isinstance(self._default(first), list):
            self.values[first] = self._default(first)  # `loss.0.args.margin=auto` changes a term of the default
        message = _put(self.values, key.split("."), value)
        if message:
            self.problems.append(Problem(place, key, message))
        # What the recipe had at and below the key is gone, and its lines with it.
        self._lines = {old: line for old, line in self._lines.items() if not f"{old}.".startswith(f"{key}.")}

    def _giver(self, key: str) -> str | None:
        """What else gave this key on the command line: alone, a part of it, or as a part of something larger."""
        for given, place in self._given.items():
            if given == key or given.startswith(f"{key}."):
                return place
            if key.startswith(f"{given}.") and _holds(self.values, key.split(".")):
                return place  # `--loss gist:0.5 loss.0.weight=2`; `loss.0.args.margin=auto` would add to it
        return None

    def _default(self, key: str) -> Any:
        """The default of a key of the recipe's first level, as plain values; None: there is no such key."""
        return self._schema().model_dump(include={key}).get(key)

    def _object(self, key: str, message: str) -> None:
        """Note a problem where the key is from."""
        near = self._origin(key)
        if near in self._given:
            self.problems.append(Problem(self._given[near], key, message))
        else:
            self.problems.append(Problem(self.source or "defaults", key, message, self._lines.get(near)))

    def _origin(self, key: str) -> str:
        """The key itself, one below it, or the nearest above it, whose origin is known; empty where none is.

        What is missing is missing from the section that holds it, and whatever else was given there made that section.
        """
        missing, near = not _holds(self.values, key.split(".")), key
        while near and near not in self._given and near not in self._lines:
            below = [given for given in self._given if given.startswith(f"{near}.")]
            if below and (missing or near == key):
                return below[0]
            near = near.rpartition(".")[0]
        return near


def _read(path: Path, schema: type[RecipeSection]) -> YamlDocument:
    try:
        with path.open(encoding="utf-8-sig") as file:
            document = read_yaml(file.read(MAX_CHARACTERS + 1))
    except OSError as error:
        raise_machine_fault(error, path)
        raise ConfigError(f"the recipe cannot be read: {error.strerror}", where=str(path), next=_INSTEAD) from None
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"the recipe is not UTF-8 text (byte {error.start})", where=str(path), next=_INSTEAD
        ) from None
    except YamlMistake as error:
        problem = Problem(str(path), "", error.message, error.line)
        raise InvalidConfig([problem], source=str(path), next=_INSTEAD) from None
    if not isinstance(document.values, dict):
        found = {type(None): "empty", list: "a list"}.get(type(document.values), "a single value")
        message = f"a recipe is a mapping with the sections {', '.join(schema.model_fields)}; this file is {found}"
        raise InvalidConfig([Problem(str(path), "", message)], source=str(path), next=_INSTEAD)
    return document


def _read_option(option: Option, value: Any) -> Any:
    """The recipe's value for what was written after an option; other values than text are taken as they are.

    Raises:
        OptionMistake | YamlMistake: it cannot be read.
    """
    several = [value] if isinstance(value, str) else value
    match option.reads:
        case "losses":
            return parse_losses(several)
        case "names":
            return [name.strip() for part in several for name in part.split(",")]
        case "numbers" if isinstance(value, str):
            return read_scalar(f"[{value}]")
        case "pairs" if isinstance(value, str):
            return parse_pairs(value)
        case "prompts" if isinstance(value, str):
            return parse_pairs(value, written_out)
        case "scalar" if isinstance(value, str):
            return read_scalar(value)
    return several if option.flag.repeat else value


def _position(part: str) -> str:
    """A part of a key as it is compared: `00` and `0` are one position of a list."""
    return str(int(part)) if part.isascii() and part.isdigit() and len(part) < 10 else part


def _holds(values: Any, path: Sequence[str]) -> bool:
    """Whether there is a value at a path."""
    for part in path:
        if isinstance(values, list) and part.isascii() and part.isdigit() and int(part) < len(values):
            values = values[int(part)]
        elif isinstance(values, dict) and part in values:
            values = values[part]
        else:
            return False
    return True


def _put(values: Any, path: Sequence[str], value: Any) -> str | None:
    """Set the value at a path, making the sections on the way; returns what is in the way, if anything."""
    for depth, part in enumerate(path):
        last = depth == len(path) - 1
        if isinstance(values, list):
            if not (part.isascii() and part.isdigit() and int(part) <= len(values)):
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


def _instead(name: str, known: Sequence[str]) -> str:
    """What to use in place of a loss that does not exist: what it is called here, or what is spelled alike."""
    like = likeness(name)
    return f"; {like}" if like else f"{did_you_mean(name, known) or ';'} the losses are {', '.join(known)}"
