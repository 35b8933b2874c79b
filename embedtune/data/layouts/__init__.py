"""One file per layout that mined negatives can be written in, found by listing this folder.

A layout is a module with
    SCHEMA      the fields as Parquet types them: a function of the number of negatives asked for
    records(mined, negatives) -> the records of one query
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Mined:
    """One query with its positives and the negatives that it got.

    Args:
        anchor: the query's text.
        positives: one text or more.
        negatives: hardest first; may be fewer than were asked for, or none.
        positive_scores: one a positive.
        negative_scores: one a negative.
        provenance: where the negatives came from, one plain value a name; written by `rows` only.
    """

    anchor: str
    positives: tuple[str, ...]
    negatives: tuple[str, ...]
    positive_scores: tuple[float, ...]
    negative_scores: tuple[float, ...]
    provenance: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Written:
    """What went into the file.

    Args:
        rows: records written.
        negatives: negatives in them, one counted as often as it was written.
        left_out: pairs of query and positive that the layout has no room for, being short of negatives.
    """

    rows: int
    negatives: int
    left_out: int


def layout_names() -> tuple[str, ...]:
    """The names of all layouts, `rows` (the default) first."""
    raise NotImplementedError


def write_mined(path: Path, layout: str, mined: Iterable[Mined], negatives: int) -> Written:
    """Write JSONL or Parquet (told by the suffix), whole or not at all.

    Args:
        path: ends in .jsonl or .parquet.
        layout: one of `layout_names()`.
        mined: the queries in order; read once, never held all at a time.
        negatives: how many were asked for a query.

    Raises:
        ConfigError: no such layout or suffix.
        OutputError: the file cannot be written there.
    """
    raise NotImplementedError
