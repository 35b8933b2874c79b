"""One file per format of rows, found by listing this folder: adding a format is adding a file and its test.

A format that is read is a module with
    UNIT        what its rows are called: "pairs"
    ROLES       role -> usual column names (regular expressions)
    REQUIRED    the roles without which a table is not in this format
    MANY        optional: roles that several columns may play together
    WHOLE       optional: True where rows belong together across the file, so that it cannot be read in blocks
    read(table, columns) -> Part
Of all formats whose required roles are present, the one that requires most is taken.

A format that `mine --format` writes is a module with
    NEEDS       negatives without which a query is left out: 0, 1, or None for as many as were asked for
    fields(negatives) -> field name -> kind, one of `KINDS`
    records(mined) -> the records of one query
Its name has hyphens where the file has underscores: `n_tuple.py` is `n-tuple`. `rows`, `triplet` and `n_tuple` are
three ways to write what `pairs` reads. Either half may be missing. What formats share is in `shared/`.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Protocol, cast

from embedtune.data.rows import LabelledTexts, RawTexts, Rows, ScoredPairs
from embedtune.data.sources.columns import Columns, Roles
from embedtune.data.sources.tables import RecordTable
from embedtune.findings import Finding

DEFAULT = "rows"
"""The format that mined negatives are written in by default."""
KINDS = ("text", "texts", "number", "numbers", "integer", "integers", "passages", "facts")
"""What a written field may hold."""


@dataclass(frozen=True)
class Part:
    """What one table holds.

    Args:
        content: its rows.
        unit: what they are called.
        said: sentences about how they were understood.
        findings: what to know about them.
        scored: all pairs with their scores, where `content` has only those that are alike.
        unused: what the record of each row has besides the row's texts, scores and classes; of blocks only, and empty
            where no record has anything else.
    """

    content: Rows | LabelledTexts | RawTexts
    unit: str
    said: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    scored: ScoredPairs | None = None
    unused: Sequence[Mapping[str, Any]] = ()

    @property
    def amount(self) -> str:
        """How many of what: "1 pair from Tevatron rows"."""
        one = re.sub(r"^((?:\w+ )?(?:pair|triplet|text))s\b", r"\1", self.unit)
        return f"{len(self.content):,} {one if len(self.content) == 1 else self.unit}"


@dataclass(frozen=True)
class Mined:
    """One query with its positives and the negatives mined for it.

    Args:
        anchor: the query's text.
        positives: one text or more.
        negatives: best first; may be fewer than were asked for, or none.
        positive_scores: one per positive; None or NaN where a teacher has none.
        negative_scores: one per negative, likewise.
        provenance: where the negatives came from, name -> text; only the format `rows` has a place for it.
    """

    anchor: str
    positives: tuple[str, ...]
    negatives: tuple[str, ...]
    positive_scores: tuple[float | None, ...]
    negative_scores: tuple[float | None, ...]
    provenance: Mapping[str, str] = field(default_factory=dict)


class Format(Protocol):
    """What a file in this folder offers; one that is only read or only written has that half alone."""

    UNIT: str
    ROLES: Roles
    REQUIRED: Sequence[str]
    NEEDS: int | None

    def read(self, table: RecordTable, columns: Columns) -> Part:
        """All rows of the table; faults go to `table.problems`."""

    def fields(self, negatives: int) -> Mapping[str, str]:
        """Field name -> kind, for this many negatives per query."""

    def records(self, mined: Mined) -> Iterable[Mapping[str, Any]]:
        """The records of one query."""


def read_formats() -> dict[str, Format]:
    """Every format that can be read, by its name.

    >>> "tevatron" in read_formats(), "triplet" in read_formats()
    (True, False)
    """
    return _with("read")


def written_formats() -> dict[str, Format]:
    """Every format that mined negatives can be written in, by its name; the default first.

    >>> "tevatron" in written_formats(), "nli" in written_formats()
    (True, False)
    """
    found = _with("records")
    return {name: found[name] for name in sorted(found, key=lambda name: (name != DEFAULT, name))}


def _with(function: str) -> dict[str, Format]:
    names = sorted(file.name for file in iter_modules(__path__) if not file.ispkg)
    modules = {name.replace("_", "-"): import_module(f"{__name__}.{name}") for name in names}
    return {name: cast(Format, module) for name, module in modules.items() if hasattr(module, function)}
