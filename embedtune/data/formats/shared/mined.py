"""Writes mined negatives in a chosen format, as JSONL or Parquet."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedtune.config.suggest import did_you_mean
from embedtune.data.formats import Mined, written_formats
from embedtune.data.sources.write import write_jsonl, write_parquet
from embedtune.errors import ConfigError

if TYPE_CHECKING:
    import pyarrow

SUFFIXES = (".jsonl", ".parquet")
_DECIMALS = 6  # of scores: float32 has no more


@dataclass(frozen=True)
class Written:
    """What went into the file.

    Args:
        rows: records written.
        left_out: pairs of query and positive that the format has no room for, having too few negatives.
    """

    rows: int
    left_out: int


def check_format(path: Path, name: str) -> None:
    """Refuse a format or a kind of file that does not exist; cheap, so that it can be called before any work.

    Raises:
        ConfigError: no such format or suffix.
    """
    names = list(written_formats())
    if name not in names:
        raise ConfigError(
            f"there is no format {name!r}{did_you_mean(name, names)}",
            where="--format",
            next=f"use one of {', '.join(names)}",
        )
    if path.suffix not in SUFFIXES:
        raise ConfigError(
            f"cannot tell what kind of file to write from the suffix {path.suffix!r}",
            where="--output",
            next=f"end the name in {' or '.join(SUFFIXES)}",
        )


def write_mined(path: Path, name: str, mined: Iterable[Mined], negatives: int) -> Written:
    """Write JSONL or Parquet (decided by the suffix), completely or not at all.

    Args:
        path: ends in .jsonl or .parquet.
        name: of a format, one of `written_formats()`.
        mined: the queries in order; read once, never all held at a time.
        negatives: how many were asked for per query.

    Raises:
        ConfigError: no such format or suffix.
        OutputError: the file cannot be written there.
    """
    check_format(path, name)
    chosen = written_formats()[name]
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
        positive_scores=tuple(map(_as_written, mined.positive_scores)),
        negative_scores=tuple(map(_as_written, mined.negative_scores)),
    )


def _as_written(score: float | None) -> float | None:
    """A score as a file holds it; null for a pair that the teacher has not scored."""
    return None if score is None or math.isnan(score) else round(float(score), _DECIMALS)


def _schema(fields: Mapping[str, str]) -> "pyarrow.Schema":
    import pyarrow  # noqa: PLC0415  (slow to import, and few files are Parquet)

    plain = {"text": pyarrow.string(), "number": pyarrow.float64(), "integer": pyarrow.int64()}
    passage = pyarrow.struct([(name, pyarrow.string()) for name in ("docid", "title", "text")])
    types = plain | {f"{kind}s": pyarrow.list_(one) for kind, one in plain.items()}
    types |= {"passages": pyarrow.list_(passage), "facts": pyarrow.map_(pyarrow.string(), pyarrow.string())}
    return pyarrow.schema([(name, types[kind]) for name, kind in fields.items()])
