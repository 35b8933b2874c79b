"""An option is declared once: on its key in the schema, with type, default, unit and help.

`option` declares it and `options_of` lists what a schema declares. The command line is made from that list, recipes and
`key=value` arguments are checked by the same schema, so none of them can say something else than the others.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin

from pydantic import Field
from pydantic.fields import FieldInfo

from embedtune.config.section import RecipeSection

Group = Literal[
    "Data",
    "Encoder",
    "Objective",
    "Clusters",
    "Candidates",
    "Filters",
    "Scoring",
    "Training",
    "Forecast",
    "Run",
    "Output",
]
"""The headings of `--help`, in this order."""
Reads = Literal["scalar", "names", "numbers", "pairs", "prompts", "losses"]
"""How the text after an option becomes a value where its type alone does not say."""


@dataclass(frozen=True, kw_only=True)
class Flag:
    """What the command line knows of a key besides its type, default and description.

    A field keeps it in `json_schema_extra`, the one place pydantic has for facts of ours; the JSON schema ignores it.

    Args:
        group: its heading in `--help`, where that is not its section's.
        metavar: the placeholder for its value in `--help`; None for a switch.
        flag: the option as a Python name (`batch_size` is written `--batch-size`); None: the name of the key.
        short: a one-letter form, such as `-k`.
        repeat: it may be given several times; the key is a list.
        shown: the default in words, where the value itself says little.
        reads: how its text is read; None: as its type says.
        under: the key below the field that it sets, where the field is a mapping of any keys.
    """

    group: Group | None = None
    metavar: str | None = None
    flag: str | None = None
    short: str | None = None
    repeat: bool = False
    shown: str | None = None
    reads: Reads | None = None
    under: str | None = None

    def __call__(self, schema: dict[str, Any]) -> None:
        """Leave the JSON schema as it is (pydantic offers it for changes)."""


def option(
    default: Any,
    help: str,
    metavar: str | None = None,
    *,
    group: Group | None = None,
    flag: str | None = None,
    short: str | None = None,
    repeat: bool = False,
    shown: str | None = None,
    reads: Reads | None = None,
    under: str | None = None,
    **limits: Any,
) -> Any:
    """A key that is also an option of the command line: its default (`...` in a shared type), help and `Flag`.

    `limits` are what `pydantic.Field` takes, such as `ge=1`.
    """
    declared = Flag(
        group=group, metavar=metavar, flag=flag, short=short, repeat=repeat, shown=shown, reads=reads, under=under
    )
    return Field(default, description=help, json_schema_extra=declared, **limits)


@dataclass(frozen=True)
class Option:
    """An option of the command line, by its Python name, and the key that it sets."""

    name: str
    key: str
    group: str
    flag: Flag
    field: FieldInfo

    @property
    def spelled(self) -> str:
        """How it is written: `--batch-size`."""
        return "--" + self.name.rstrip("_").replace("_", "-")  # `from_` is written --from

    @property
    def kind(self) -> type:
        """What the command line reads it as: a whole number, a number, a switch, or text."""
        kinds = _kinds(self.field.annotation)
        return kinds[0] if len(kinds) == 1 and kinds[0] in (int, float, bool) else str

    @property
    def reads(self) -> Reads | None:
        """How the text is read, declared or plain from the type."""
        kinds = _kinds(self.field.annotation)
        if self.flag.reads or self.flag.repeat:
            return self.flag.reads
        if any(get_origin(kind) is dict for kind in kinds):
            return "pairs"
        if any(get_origin(kind) is list for kind in kinds):
            return "numbers" if _kinds(get_args(kinds[0])[0]) == [int] else "names"
        return "scalar" if len(kinds) > 1 and {int, float} & set(kinds) else None

    @property
    def default(self) -> str:
        """The default in words.

        >>> from embedtune.config.verbs.train import TrainConfig
        >>> [options_of(TrainConfig)[name].default for name in ("batch_size", "max_steps", "texts_only")]
        ['auto', 'no limit', 'off']
        """
        value = self.field.get_default(call_default_factory=True)
        plain = "none" if value is None else "off" if value is False else value
        return self.flag.shown or (",".join(plain) if isinstance(plain, list) else str(plain))


RECIPE_VERBS = ("train", "mine", "evaluate", "check", "encode", "cluster", "tune")
"""The verbs that take recipes."""


def schema_of(verb: str) -> type[RecipeSection]:
    """The schema of a verb, from the file of its name: `TrainConfig` in `config/verbs/train.py`."""
    return cast(
        type[RecipeSection], getattr(import_module(f"embedtune.config.verbs.{verb}"), f"{verb.capitalize()}Config")
    )


@cache
def options_of(schema: type[RecipeSection]) -> Mapping[str, Option]:
    """The options that a schema declares, by Python name, in the order of its keys.

    Raises:
        TypeError: two keys declare the same option.
    """
    options: dict[str, Option] = {}
    for found in _declared(schema, ""):
        if found.name in options:
            raise TypeError(f"{found.spelled} sets {options[found.name].key} and {found.key}")
        options[found.name] = found
    return options


def _declared(section: type[RecipeSection], at: str) -> Iterator[Option]:
    for name, field in section.model_fields.items():
        flag, key = field.json_schema_extra, f"{at}{name}"
        if isinstance(flag, Flag) and (section.flagged is None or name in section.flagged):
            below = f"{key}.{flag.under}" if flag.under else key
            yield Option(flag.flag or name, below, flag.group or section.heading, flag, field)
        for kind in _kinds(field.annotation):
            inner, below = (get_args(kind)[0], f"{key}.0.") if get_origin(kind) is list else (kind, f"{key}.")
            if isinstance(inner, type) and issubclass(inner, RecipeSection):
                yield from _declared(inner, below)


def _kinds(annotation: Any) -> list[Any]:
    """The types that an annotation allows, without None and without what narrows them.

    >>> _kinds(Annotated[float, Field(gt=0)] | Literal["auto"] | None)
    [<class 'float'>, typing.Literal['auto']]
    """
    if get_origin(annotation) is Annotated:
        return _kinds(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return [kind for branch in get_args(annotation) for kind in _kinds(branch)]
    return [] if annotation is NoneType else [annotation]


kinds_of = _kinds
"""For those who explain a schema (`config/reference/keys.py`)."""
