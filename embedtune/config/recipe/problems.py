"""What is wrong with a configuration, in words: each problem with its key, its place and what was allowed there."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from pydantic import ValidationError

from embedtune.config.section import RecipeSection
from embedtune.config.suggest import did_you_mean
from embedtune.errors import ConfigError

SHOWN = 20
_TYPES = {
    "string": "text",
    "boolean": "true or false",
    "null": "null",
    "integer": "a whole number",
    "number": "a number",
}


@dataclass(frozen=True)
class Problem:
    """One thing wrong.

    Args:
        place: the file or the option.
        key: the dotted key; empty when the place says enough.
        message: what is wrong and what was allowed.
        line: the line in the file, when the place is one.
    """

    place: str
    key: str
    message: str
    line: int | None = None

    @property
    def where(self) -> str:
        """The file with its line, or the option."""
        return f"{self.place}:{self.line}" if self.line else self.place

    def __str__(self) -> str:
        return f"{self.key}: {self.message}" if self.key else self.message


class InvalidConfig(ConfigError):
    """Everything that is wrong with a configuration, at once: the recipe's by line, then the command line's.

    Args:
        problems: at least one.
        source: the recipe's path, or None when there is none.
    """

    def __init__(self, problems: Sequence[Problem], *, source: str | None = None, next: str | None = None) -> None:
        self.problems = tuple(sorted(problems, key=_in_reading_order))
        if len(self.problems) == 1:
            message, source = str(self.problems[0]), self.problems[0].where
        else:
            lines = [f"  {problem.where}: {problem}" for problem in self.problems[:SHOWN]]
            if len(self.problems) > SHOWN:
                lines.append(f"  ... and {len(self.problems) - SHOWN} more")
            message = "\n".join([f"{len(self.problems)} problems:", *lines])
        super().__init__(message, where=source, next=next)


def _in_reading_order(problem: Problem) -> tuple[bool, str, int]:
    # What is on no line keeps the order in which it was found: that of the command line.
    return (problem.line is None, problem.place if problem.line else "", problem.line or 0)


def explain(error: ValidationError, values: Any, schema: type[RecipeSection]) -> Iterator[tuple[str, str]]:
    """(dotted key, message) of each thing that the schema refuses in `values`, one per key."""
    seen = set()
    plain = _written_out(values, schema)
    for item in error.errors():
        path, unknown = _path(item, plain)
        key = ".".join(str(part) for part in schema.as_written(path, values))
        if key in seen:
            continue  # a value that fits no branch of a union is reported once per branch
        seen.add(key)
        if unknown:
            yield key, _unknown(path, schema, key.rpartition(".")[0])
        elif item["type"] == "missing":
            yield key, f"is missing; it must be {allowed(path, schema)}"
        elif item["type"] == "string_unicode":
            yield key, f"{_shown(item['input'])} holds half a character or bytes that are not UTF-8"
        elif item["type"] in ("value_error", "assertion_error"):
            yield key, item["msg"].removeprefix("Value error, ")
        else:
            yield key, f"got {_shown(item['input'])}; it must be {allowed(path, schema)}" + _quote_hint(item, path)


def allowed(path: Sequence[str | int], schema: type[RecipeSection]) -> str:
    """What a schema allows at a path, in words.

    >>> from embedtune.config.verbs.train import TrainConfig
    >>> allowed(["training", "batch_size"], TrainConfig)
    'a whole number of at least 2 or auto'
    >>> allowed(["training", "lr"], TrainConfig)
    'a number above 0 or auto'
    """
    node = _schema_at(path, schema)
    return "nothing" if node is None else _in_words(node)


def _path(item: Mapping[str, Any], values: Any) -> tuple[list[str | int], bool]:
    """The path that exists in the values (pydantic adds names of union branches), and whether its end is unknown."""
    path: list[str | int] = []
    for part in item["loc"]:
        known = isinstance(values, Mapping) and part in values
        if known or (isinstance(values, list) and isinstance(part, int) and part < len(values)):
            path, values = [*path, part], values[part]
        else:
            break
    if item["type"] == "missing":
        path.append(item["loc"][-1])
    return path, item["type"] == "extra_forbidden" or item["loc"][-1:] == ("[key]",)


def _written_out(values: Any, schema: type[RecipeSection]) -> Any:
    """The values as the schema describes them; as they are where that cannot be, which the schema then says."""
    try:
        return schema.written_out(values)
    except (TypeError, ValueError):
        return values


def _unknown(path: Sequence[str | int], schema: type[RecipeSection], section: str) -> str:
    *parent, name = path
    names = _names(_schema_at(parent, schema) or {})
    section = section or "a recipe"
    elsewhere = [key for key in _leaves(schema) if key.rpartition(".")[2] == name]
    hint = f"; did you mean {elsewhere[0]!r}?" if elsewhere else did_you_mean(str(name), names)
    return f"there is no such key{hint or ';'} {section} takes {', '.join(names)}"


def _shown(value: Any) -> str:
    if value is None:
        return "nothing (null)"
    if isinstance(value, bool):
        return str(value).lower()
    kind = "a mapping" if isinstance(value, Mapping) else "a list" if isinstance(value, list) else None
    return kind or (repr(value) if len(repr(value)) <= 60 else f"{repr(value)[:57]}...")


def _quote_hint(item: Mapping[str, Any], path: Sequence[str | int]) -> str:
    if item["type"] == "string_type" and isinstance(item["input"], int | float):
        return f' (put it in quotes: {path[-1]}: "{_shown(item["input"])}")'
    return ""


@cache
def _json_schema(schema: type[RecipeSection]) -> dict[str, Any]:
    """The schema with every reference replaced by what it names; no section holds one of its own kind."""
    root = schema.model_json_schema()

    def written_out(node: Any) -> Any:
        if isinstance(node, list):
            return [written_out(item) for item in node]
        if not isinstance(node, dict):
            return node
        reference = node.get("$ref")
        if reference:
            return written_out(root["$defs"][reference.rpartition("/")[2]])
        return {key: written_out(inner) for key, inner in node.items() if key != "$defs"}

    return cast(dict[str, Any], written_out(root))


def _schema_at(path: Sequence[str | int], schema: type[RecipeSection]) -> dict[str, Any] | None:
    node: dict[str, Any] | None = _json_schema(schema)
    for part in path:
        node = next((found for branch in _branches(node or {}) if (found := _child(branch, part)) is not None), None)
    return node


def _branches(node: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = node.get("anyOf", [node])
    return found


def _child(node: dict[str, Any], part: str | int) -> dict[str, Any] | None:
    inner = node.get("items") if isinstance(part, int) else node.get("properties", {}).get(part)
    if inner is None and isinstance(node.get("additionalProperties"), dict):
        inner = node["additionalProperties"]
    return inner if isinstance(inner, dict) else None


def _names(node: dict[str, Any]) -> list[str]:
    branches = _branches(node)
    names = [name for branch in branches for name in branch.get("properties", {})]
    return names or [name for branch in branches for name in branch.get("propertyNames", {}).get("enum", [])]


@cache
def _leaves(schema: type[RecipeSection]) -> tuple[str, ...]:
    def walk(path: list[str | int]) -> Iterator[str]:
        node = _schema_at(path, schema) or {}
        for name in _names(node) if "properties" in node else ():
            yield ".".join(map(str, [*path, name]))
            yield from walk([*path, name])

    return tuple(walk([]))


def _in_words(node: dict[str, Any]) -> str:
    if "anyOf" in node:
        return _either(node["anyOf"])
    if "const" in node:
        return str(node["const"])
    if "enum" in node:
        return "one of " + ", ".join(str(choice) for choice in node["enum"])
    if node.get("type") == "array":
        return f"a list of {_in_words(node['items'])}" if "type" in node.get("items", {}) else "a list"
    if node.get("type") == "object":
        names = _names(node)
        return f"a section with {', '.join(names)}" if names else "a mapping"
    if node.get("minLength"):
        return "non-empty text"
    return _TYPES.get(node.get("type", ""), "any value") + _range_in_words(node)


def _range_in_words(node: dict[str, Any]) -> str:
    if "minimum" in node and "maximum" in node:
        return f" from {_number(node['minimum'])} to {_number(node['maximum'])}"
    words = {
        "minimum": "of at least",
        "exclusiveMinimum": "above",
        "maximum": "of at most",
        "exclusiveMaximum": "below",
    }
    return " and".join(f" {phrase} {_number(node[name])}" for name, phrase in words.items() if name in node)


def _number(value: float) -> str:
    """A limit with all its digits, where it is a whole number."""
    return str(int(value)) if value == int(value) else f"{value:g}"


def _either(branches: Sequence[dict[str, Any]]) -> str:
    """The alternatives of a union in words: "a number above 0 and below 1, auto or none"."""
    words = [word for branch in branches for word in branch.get("enum", [_in_words(branch)])]
    listed = f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else words[0]
    return f"one of {listed}" if "enum" in branches[0] else listed
