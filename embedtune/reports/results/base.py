"""What the results of all verbs share: they become plain objects for `--json`, are read back, and print as a table."""

import dataclasses
import io
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import NoneType, UnionType
from typing import Any, Self, TypedDict, TypeVar, Union, get_args, get_origin, get_type_hints

from rich.console import Console, RenderableType

from embedtune.findings import kind_of

WIDTH = 100
"""Columns of a result printed as plain text."""
Kind = TypeVar("Kind")


@dataclass(frozen=True)
class VerbResult:
    """The outcome of a verb. `print(result)` shows what the command shows.

    Its table is `table` in the report of the same file name: `results/train.py` is printed by `reports/train.py`.
    Fields that several verbs have: `findings` is what is odd, the most severe first; `described` is what was read, in
    sentences; `recipe` is the complete recipe as YAML; `facts` are versions, hashes of the data and options; `report`
    is the HTML page, with the Markdown version next to it; `elapsed_s` is the wall time of the command; and
    `peak_memory_bytes` is the largest resident size of the process.
    """

    def as_json(self) -> dict[str, Any]:
        """The plain object that `--json` prints."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """The result that `as_json` wrote; keys that are not known here are ignored.

        Raises:
            TypeError: a required key is missing, or a part has another type.
        """
        return from_plain(cls, plain)

    def table(self, reported: Collection[str] = ()) -> RenderableType:
        """What the command prints, for a rich console.

        Args:
            reported: sentences reported earlier; findings among them are only named.
        """
        # Found by name, because reports import their results and must not be imported by them.
        report = import_module(f"embedtune.reports.{type(self).__module__.rpartition('.')[2]}")
        found: RenderableType = report.table(self, reported)
        return found

    def __str__(self) -> str:
        """The table as plain text, without colours."""
        text = io.StringIO()
        Console(file=text, width=WIDTH, color_system=None, force_terminal=False).print(self.table(), crop=False)
        return text.getvalue().rstrip("\n")


class MetricTest(TypedDict):
    """A metric of two systems, tested. `verdict` goes by `p_holm`, the p-value adjusted for all tests made together."""

    metric: str
    a: float
    b: float
    difference: float
    interval: tuple[float, float]
    p_value: float
    p_holm: float
    verdict: str


class GuardRow(TypedDict):
    """A guard set before and after. `verdict` goes by `p_value`, which is not adjusted for the number of sets.

    `minimum_detectable_effect` is the loss that this set would have shown 4 times out of 5.
    """

    set: str
    metric: str
    before: float
    after: float
    difference: float
    interval: tuple[float, float]
    p_value: float
    verdict: str
    minimum_detectable_effect: float
    queries: int
    items: str


@dataclass(frozen=True)
class AlphaPoint:
    """A mixture that was tried.

    Args:
        alpha: how far from the first model towards the others.
        dev: metrics on the dev queries that it was chosen by.
        guard: the guard on the half of its items that it was chosen by.
        holds: whether no guard set looks worse, at a laxer level than the one that reports a loss.
        chosen: whether it is the one that was taken.
    """

    alpha: float
    dev: Mapping[str, float]
    guard: tuple[GuardRow, ...] = ()
    holds: bool = True
    chosen: bool = False


def from_plain(kind: type[Kind], plain: Any) -> Kind:
    """A plain object as its type: mappings become dataclasses, and lists become tuples, at any depth.

    Raises:
        TypeError: a required key is missing, or a part has another type.

    >>> from embedtune.findings import Finding
    >>> plain = {"code": "few", "severity": "note", "count": 2, "message": "only two", "examples": ["a"]}
    >>> from_plain(Finding, plain).examples
    ('a',)
    """
    typed: Kind = _typed(kind, plain)
    return typed


def _typed(kind: Any, plain: Any) -> Any:
    origin, inside = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return None if plain is None else _typed(next(one for one in inside if one is not NoneType), plain)
    if dataclasses.is_dataclass(kind) and not isinstance(plain, kind):  # type: ignore[arg-type]
        if not isinstance(plain, Mapping):
            raise TypeError(f"an object was expected, got {kind_of(plain)}")
        fields = {name: hint for name, hint in get_type_hints(kind).items() if name in plain}
        return kind(**{name: _typed(hint, plain[name]) for name, hint in fields.items()})  # type: ignore[operator]
    if origin is tuple:
        if not isinstance(plain, list | tuple):
            raise TypeError(f"a list was expected, got {kind_of(plain)}")
        kinds = [inside[0]] * len(plain) if inside[-1] is Ellipsis else inside
        return tuple(_typed(one, value) for one, value in zip(kinds, plain, strict=False))
    return plain
