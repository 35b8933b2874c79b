"""One file per layout that mined negatives are written in, found by listing this folder; `n_tuple.py` is `n-tuple`.

A layout is a module with
    NEEDS       negatives without which a query is left out: 0, 1, or None for as many as were asked for
    fields(negatives) -> field name -> kind, one of `KINDS`
    records(mined) -> the records of one query
"""

import pkgutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from embedtune.config.suggest import did_you_mean
from embedtune.data.sources.write import write_jsonl, write_parquet
from embedtune.errors import ConfigError

if TYPE_CHECKING:
    import pyarrow

DEFAULT = "rows"
KINDS = ("text", "texts", "number", "numbers", "integer", "integers", "passages", "facts")
SUFFIXES = (".jsonl", ".parquet")
_DECIMALS = 6  # of scores: float32 has no more


@dataclass(frozen=True)
class Mined:
    """One query with its positives and the negatives that it got.

    Args:
        anchor: the query's text.
        positives: one text or more.
        negatives: best first; may be fewer than were asked for, or none.
        positive_scores: one a positive.
        negative_scores: one a negative.
        provenance: where the negatives came from, a text a name; only `rows` has a place for it.
    """

    anchor: str
    positives: tuple[str, ...]
    negatives: tuple[str, ...]
    positive_scores: tuple[float, ...]
    negative_scores: tuple[float, ...]
    provenance: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Written:
    """What went into the file.

    Args:
        rows: records written.
        left_out: pairs of query and positive that the layout has no room for, being short of negatives.
    """

    rows: int
    left_out: int


class Layout(Protocol):
    """What a file in this folder offers."""

    NEEDS: int | None

    def fields(self, negatives: int) -> Mapping[str, str]:
        """Field name -> kind, for this many negatives a query."""
        ...

    def records(self, mined: Mined) -> Iterable[Mapping[str, Any]]:
        """The records of one query."""
        ...


def layout_names() -> tuple[str, ...]:
    """The names of all layouts, the default first."""
    names = (module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__))
    return tuple(sorted(names, key=lambda name: (name != DEFAULT, name)))


def check_layout(path: Path, layout: str) -> None:
    """Refuse a layout or a kind of file that does not exist; cheap, so that it can be asked before any work.

    Raises:
        ConfigError: no such layout or suffix.
    """
    if layout not in layout_names():
        raise ConfigError(
            f"there is no layout {layout!r}{did_you_mean(layout, layout_names())}",
            where="--format",
            next=f"use one of {', '.join(layout_names())}",
        )
    if path.suffix not in SUFFIXES:
        raise ConfigError(
            f"cannot tell what kind of file to write from the suffix {path.suffix!r}",
            where="--output",
            next=f"end the name in {' or '.join(SUFFIXES)}",
        )


def write_mined(path: Path, layout: str, mined: Iterable[Mined], negatives: int) -> Written:
    """Write JSONL or Parquet (told by the suffix), whole or not at all.

    Args:
        path: ends in .jsonl or .parquet.
        layout: one of `layout_names()`.
        mined: the queries in order; read once, never all held at a time.
        negatives: how many were asked for a query.

    Raises:
        ConfigError: no such layout or suffix.
        OutputError: the file cannot be written there.
    """
    check_layout(path, layout)
    chosen = cast(Layout, import_module(f"{__name__}.{layout.replace('-', '_')}"))
    needed = negatives if chosen.NEEDS is None else chosen.NEEDS
    left_out = 0

    def records() -> Iterator[Mapping[str, Any]]:
        nonlocal left_out
        for one in mined:
            if len(one.negatives) < needed:
                left_out += len(one.positives)
            else:
                yield from chosen.records(_rounded(one))

    if path.suffix == ".jsonl":
        rows = write_jsonl(path, records())
    else:
        rows = write_parquet(path, records(), _schema(chosen.fields(negatives)))
    return Written(rows, left_out)


def _rounded(mined: Mined) -> Mined:
    return replace(
        mined,
        positive_scores=tuple(round(float(score), _DECIMALS) for score in mined.positive_scores),
        negative_scores=tuple(round(float(score), _DECIMALS) for score in mined.negative_scores),
    )


def _schema(fields: Mapping[str, str]) -> "pyarrow.Schema":
    import pyarrow  # noqa: PLC0415  (slow to import, and few files are Parquet)

    plain = {"text": pyarrow.string(), "number": pyarrow.float64(), "integer": pyarrow.int64()}
    passage = pyarrow.struct([(name, pyarrow.string()) for name in ("docid", "title", "text")])
    types = plain | {f"{kind}s": pyarrow.list_(one) for kind, one in plain.items()}
    types |= {"passages": pyarrow.list_(passage), "facts": pyarrow.map_(pyarrow.string(), pyarrow.string())}
    return pyarrow.schema([(name, types[kind]) for name, kind in fields.items()])
