"""Every key of a recipe with its default, its range and what it means, read from the schema that checks recipes."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from embedtune.config.options import Flag, kinds_of
from embedtune.config.section import RecipeSection

_LIMITS = {"ge": ">= {}", "gt": "> {}", "le": "<= {}", "lt": "< {}"}
_NAMES = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


@dataclass(frozen=True)
class KeyFacts:
    """One key.

    Args:
        key: as recipes nest it, with dots; `0` stands for a place in a list.
        default: as YAML would have it.
        takes: the values that it takes, in words.
        meaning: what it does; empty where the name says it.
        option: of the command line, if there is one.
    """

    key: str
    default: str
    takes: str
    meaning: str
    option: str


def keys_of(schema: type[RecipeSection], within: str = "") -> list[KeyFacts]:
    """The keys of a schema, in its order; those of one section, or one key, where `within` names it.

    >>> from embedtune.config.verbs.train import TrainConfig
    >>> [(one.default, one.takes) for one in keys_of(TrainConfig, "training.batch_size")]
    [('auto', 'a whole number >= 2 or auto')]
    """
    found = list(_walk(schema, ""))
    return [one for one in found if not within or one.key == within or one.key.startswith(f"{within}.")]


def _walk(section: type[RecipeSection], at: str) -> Iterator[KeyFacts]:
    for name, field in section.model_fields.items():
        inner, key = _section_of(field), f"{at}{name}"
        if inner is not None:
            below = f"{key}.0." if any(get_origin(kind) is list for kind in kinds_of(field.annotation)) else f"{key}."
            yield from _walk(inner, below)
            continue
        flag = field.json_schema_extra
        own = isinstance(flag, Flag) and (section.flagged is None or name in section.flagged)
        option = f"--{(flag.flag or name).replace('_', '-')}" if own and isinstance(flag, Flag) else ""
        yield KeyFacts(key, _default(field), _takes(field), field.description or "", option)


def _section_of(field: FieldInfo) -> type[RecipeSection] | None:
    for kind in kinds_of(field.annotation):
        one = get_args(kind)[0] if get_origin(kind) is list else kind
        if isinstance(one, type) and issubclass(one, RecipeSection):
            return one
    return None


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    return {None: "null", True: "true", False: "false"}.get(value, str(value)) if _is_plain(value) else str(value)


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, bool)


def _takes(field: FieldInfo) -> str:
    words = [word for branch in _branches(field.annotation) for word in _branch(branch)]
    return " ".join([" or ".join(dict.fromkeys(words)), *_limits(field.metadata)])


def _branches(annotation: Any) -> list[Any]:
    """The types of a union, each with its own limits; no union: the type itself."""
    if get_origin(annotation) in (Union, UnionType):
        return [one for branch in get_args(annotation) for one in _branches(branch)]
    return [] if annotation is NoneType else [annotation]


def _branch(branch: Any) -> list[str]:
    own = " ".join(_limits(found for part in get_args(branch)[1:] for found in getattr(part, "metadata", [part])))
    words = [word for kind in kinds_of(branch) for word in _kind(kind)]
    return [f"{word} {own}" for word in words] if get_origin(branch) is Annotated and own else words


def _limits(metadata: Iterable[Any]) -> list[str]:
    return [_LIMITS[name].format(getattr(one, name)) for one in metadata for name in _LIMITS if hasattr(one, name)]


def _kind(kind: Any) -> list[str]:
    if get_origin(kind) is Literal:
        return ["|".join(map(str, get_args(kind)))]
    origin = get_origin(kind)
    return ["a list"] if origin is list else ["a mapping"] if origin is dict else [_NAMES.get(kind, "a value")]
