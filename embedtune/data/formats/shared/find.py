"""One file per layout of records, found by listing this folder: adding a layout is adding a file and its test.

A layout is a module with
    UNIT        what its rows are called: "pairs"
    ROLES       role -> usual column names (regular expressions)
    REQUIRED    the roles without which it is not this layout
    MANY        roles that several columns may play together
    read(table, columns) -> Part
Of all layouts whose required roles are present the one that requires most is taken.
"""

import pkgutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from itertools import chain, islice
from typing import Protocol, cast

from embedtune.config.suggest import did_you_mean
from embedtune.data.layouts import rows as mined
from embedtune.data.rows import LabelledTexts, RawTexts, Rows, ScoredPairs
from embedtune.data.sources.columns import Columns, Roles, match, refuse_twice, spoken
from embedtune.data.sources.tables import RecordTable
from embedtune.errors import ConfigError, DataError
from embedtune.findings import Finding

_MINED = frozenset(mined.fields(0))
_LOOKED_AT = 50  # records whose fields together are the columns: JSON lines may leave fields out


@dataclass(frozen=True)
class Part:
    """What one table held.

    Args:
        content: its rows.
        unit: what they are called.
        said: sentences about how they were understood.
        findings: what is odd about them.
        scored: all pairs with their scores, where `content` is only those of them that are alike.
    """

    content: Rows | LabelledTexts | RawTexts
    unit: str
    said: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    scored: ScoredPairs | None = None


class Layout(Protocol):
    """What a file in this folder offers."""

    UNIT: str
    ROLES: Roles
    REQUIRED: Sequence[str]
    MANY: Collection[str]

    def read(self, table: RecordTable, columns: Columns) -> Part:
        """All rows of the table; faults go to `table.problems`."""
        ...


def layouts() -> dict[str, Layout]:
    """Every layout by its file name."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return {name: cast(Layout, import_module(f"{__name__}.{name}")) for name in names}


def read_part(table: RecordTable, chosen: Mapping[str, str], group: str | None = None) -> Part:
    """Find the layout of a table by its columns and read it.

    Args:
        table: the records.
        chosen: role -> column, where the user named them.
        group: the column whose values are never divided.

    Raises:
        DataError: no layout fits the columns, or the rows have faults (all of them told at once).
        ConfigError: a role was named that no layout knows.
    """
    table, layout, columns = layout_of(table, chosen, group)
    part = layout.read(table, columns)
    table.problems.raise_if_any()
    if columns.unused:
        part = replace(part, said=(*part.said, f"{table.name}: columns not used: {', '.join(columns.unused)}"))
    return part


def layout_of(
    table: RecordTable, chosen: Mapping[str, str], group: str | None = None
) -> tuple[RecordTable, Layout, Columns]:
    """The layout of a table by its columns, and the table with all its records still to be read.

    Raises:
        DataError: no layout fits the columns, or there are no rows.
        ConfigError: a role was named that no layout knows.
    """
    head = list(islice(table.records, _LOOKED_AT))
    if not head:
        table.problems.raise_if_any()
        raise table.problems.stop(table.name, "there are no rows in it")
    present = list(dict.fromkeys(column for _, record in head for column in record))
    layout, columns = _chosen_layout(table, present, chosen, group)
    return replace(table, records=chain(head, table.records)), layout, columns


def _chosen_layout(
    table: RecordTable, present: Sequence[str], chosen: Mapping[str, str], group: str | None
) -> tuple[Layout, Columns]:
    known = layouts()
    _check_chosen(table, present, chosen, group, known)
    fitting = []
    for layout in known.values():
        names = match(layout.ROLES, present, chosen)
        if set(chosen) <= set(layout.ROLES) and set(layout.REQUIRED) <= set(names):
            fitting.append((len(layout.REQUIRED), layout, names))
    if not fitting:
        raise _no_layout(table, present, chosen, known)
    _, layout, names = max(fitting, key=lambda candidate: candidate[0])
    refuse_twice(names, layout.MANY, table.name)
    used = {column for columns in names.values() for column in columns} | {group}
    if set(present) >= _MINED:
        used.add(mined.PROVENANCE)  # our own note, which nobody expects to be learned from
    return layout, Columns(names, group, tuple(column for column in present if column not in used), chosen)


def _check_chosen(
    table: RecordTable,
    present: Sequence[str],
    chosen: Mapping[str, str],
    group: str | None,
    known: Mapping[str, Layout],
) -> None:
    roles = sorted({role for layout in known.values() for role in layout.ROLES})
    for role, column in chosen.items():
        if role not in roles:
            raise ConfigError(
                f"{role!r} is no role{did_you_mean(role, roles)}",
                where="--columns",
                next=f"roles are {', '.join(roles)}",
            )
        if column not in present:
            raise DataError(
                f"--columns names {column!r} as {role}, but the columns that came are {_listed(present)}"
                + did_you_mean(column, present),
                where=table.name,
            )
    if group is not None and group not in present:
        raise DataError(
            f"there is no column {group!r} to group by; the columns that came are {_listed(present)}"
            + did_you_mean(group, present),
            where=table.name,
        )


def _listed(columns: Sequence[str]) -> str:
    shown = [f"'{column[:40]}…'" if len(column) > 40 else repr(column) for column in columns[:12]]
    return ", ".join(shown) + (f" and {len(columns) - 12} more" if len(columns) > 12 else "")


def _no_layout(
    table: RecordTable, present: Sequence[str], chosen: Mapping[str, str], known: Mapping[str, Layout]
) -> DataError:
    able = [layout for layout in known.values() if set(chosen) <= set(layout.ROLES)] or list(known.values())

    def missing(layout: Layout) -> list[str]:
        found = match(layout.ROLES, present, chosen)
        return [role for role in layout.REQUIRED if role not in found]

    # The layout that came nearest says what is missing; with nothing recognised, pairs are what most people mean.
    nearest = max(able, key=lambda layout: (len(layout.REQUIRED) - len(missing(layout)), layout.UNIT == "pairs"))
    roles = missing(nearest)
    needed = " and ".join(_role_words(role, nearest.ROLES[role]) for role in roles)
    return DataError(
        f"cannot tell what the columns mean: {_listed(present)} came; for {nearest.UNIT} there must also be {needed}",
        where=table.name,
        next=_column_advice(table, present, roles, match(nearest.ROLES, present, chosen)),
    )


def _role_words(role: str, names: Sequence[str]) -> str:
    others = [name for name in names if name != role]
    return f"'{role}' (or {spoken(others)})" if others else f"'{role}'"


def _column_advice(
    table: RecordTable, present: Sequence[str], missing: Sequence[str], found: Mapping[str, Sequence[str]]
) -> str:
    flat = {"CSV": ",", "TSV": "\t"}
    if table.kind in flat and len(present) == 1 and any(sign in present[0] for sign in ",;\t|"):
        words = {",": "commas", "\t": "tabs"}[flat[table.kind]]
        return f"separate the columns by {words}; {table.kind} files here have no other separator"
    used = {column for columns in found.values() for column in columns}
    free = [column for column in present if column not in used]
    # Only where nothing is left to choose is a column proposed: order never decides a role.
    example = ",".join(f"{role}={free[0] if len(free) == len(missing) == 1 else 'COLUMN'}" for role in missing)
    header = "; the first line must name the columns" if table.kind in flat else ""
    return f"name the columns: --columns {example}{header}"
