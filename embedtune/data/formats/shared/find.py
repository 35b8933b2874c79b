"""The format of a table, decided by its columns; and the rows of tables, read at once or in blocks."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice

from embedtune.config.suggest import did_you_mean
from embedtune.data.formats import Format, Part, read_formats
from embedtune.data.formats import rows as mined_rows
from embedtune.data.rows import one_after_another
from embedtune.data.sources.columns import Columns, listed, match, refuse_twice, spoken
from embedtune.data.sources.problems import Problems
from embedtune.data.sources.tables import Record, RecordTable, look_ahead
from embedtune.errors import ConfigError, DataError

BLOCK = 8192
"""Records that are read at a time."""
_MINED = frozenset(mined_rows.fields(0))
UNUSED = "columns not used"
"""What a sentence about columns without a role says."""
_MOST_NAMED = 50  # columns
_NOT_IN_ROWS = ("title", "weight", "answers")  # roles that a row's record has no field for


def read_part(table: RecordTable, chosen: Mapping[str, str], group: str | None = None) -> Part:
    """Find the format of a table by its columns and read all of it.

    Args:
        table: the records.
        chosen: role -> column, where the user named them.
        group: the column whose values are never divided.

    Raises:
        DataError: no format fits the columns, or the rows have faults (all of them reported at once).
        ConfigError: a role was named that no format has.
    """
    table, found, columns = format_of(table, chosen, group)
    part = found.read(table, columns)
    table.problems.raise_if_any()
    return replace(part, said=(*part.said, *_unused(table, columns)))


def joined(parts: list[Part]) -> Part:
    """Several files of one split, such as its shards, as one.

    Raises:
        DataError: they hold different things.
    """
    if len(parts) == 1:
        return parts[0]
    kinds = {(type(part.content), part.scored is None) for part in parts}
    if len(kinds) > 1:
        raise DataError(
            "the files of one split hold different things: " + ", ".join(sorted(part.unit for part in parts))
        )
    said, findings = sum((part.said for part in parts), ()), sum((part.findings for part in parts), ())
    scored = [part.scored for part in parts if part.scored is not None]
    content = one_after_another([part.content for part in parts])
    return Part(content, parts[0].unit, said, findings, one_after_another(scored) if scored else None)


def read_blocks(table: RecordTable, chosen: Mapping[str, str], group: str | None, rows: int) -> Iterator[Part]:
    """Read a table `rows` records at a time; faults stay in `table.problems`, and rows with one are left out.

    The other arguments are those of `read_part`.

    Raises:
        DataError: nothing can be read at all, or reading cannot continue.
    """
    table, found, columns = format_of(table, chosen, group)
    if getattr(found, "WHOLE", False):
        every = list(table.records)
        yield _with_unused(found.read(replace(table, records=iter(every)), columns), table, found, columns, every)
        return
    said = _unused(table, columns)
    while records := list(islice(table.records, rows)):
        # A format's sentences count its rows, and these are only some of them.
        part = replace(found.read(replace(table, records=iter(records)), columns), said=said)
        yield _with_unused(part, table, found, columns, records)
        said = ()


def format_of(
    table: RecordTable, chosen: Mapping[str, str], group: str | None = None
) -> tuple[RecordTable, Format, Columns]:
    """The format of a table by its columns, and the table with all its records still to be read.

    Raises:
        DataError: no format fits the columns, or there are no rows.
        ConfigError: a role was named that no format has.
    """
    table, present = look_ahead(table)
    known = read_formats()
    _check_chosen(table, present, chosen, group, known)
    fitting = []
    for one in known.values():
        names = match(one.ROLES, present, chosen)
        if set(chosen) <= set(one.ROLES) and set(one.REQUIRED) <= set(names):
            fitting.append((len(one.REQUIRED), one, names))
    if not fitting:
        raise _no_format(table, present, chosen, known)
    _, found, names = max(fitting, key=lambda candidate: candidate[0])
    refuse_twice(names, getattr(found, "MANY", ()), table.name)
    used = {column for columns in names.values() for column in columns} | {group}
    if set(present) >= _MINED:
        used.add(mined_rows.PROVENANCE)  # our own note, which nobody expects to be learned from
    return table, found, Columns(names, group, tuple(column for column in present if column not in used), chosen)


def _with_unused(part: Part, table: RecordTable, found: Format, columns: Columns, records: Sequence[Record]) -> Part:
    """The part with what its records have besides the texts, scores and classes of their rows."""
    others: dict[tuple[str, ...], list[str]] = {}
    for _, record in records:
        names = tuple(record)
        if names not in others:  # lines differ in their columns, so that those of the first do not decide
            roles = match(found.ROLES, names, columns.chosen)
            played = {column for role, own in roles.items() if role not in _NOT_IN_ROWS for column in own}
            others[names] = [name for name in names if name not in played]
    if not any(others.values()):
        return part
    numbers, told_apart = [number for number, _ in records], part
    if len(set(numbers)) < len(
        numbers
    ):  # several entries of an array in one line: read again, each with its own number
        numbers = list(range(len(records)))
        again = zip(numbers, (record for _, record in records), strict=True)
        told_apart = found.read(replace(table, records=again, problems=Problems(table.name)), columns)
    besides = {
        table.place(number): {name: record[name] for name in others[tuple(record)]}
        for number, (_, record) in zip(numbers, records, strict=True)
    }
    return replace(part, unused=[besides[place] for place in (told_apart.scored or told_apart.content).places])


def _unused(table: RecordTable, columns: Columns) -> tuple[str, ...]:
    names, more = columns.unused[:_MOST_NAMED], len(columns.unused) - _MOST_NAMED
    said = ", ".join(names) + (f" and {more:,} more" if more > 0 else "")
    unused = (f"{table.name}: {UNUSED}: {said}",) if names else ()
    return (*table.notes, *unused)


def _check_chosen(
    table: RecordTable,
    present: Sequence[str],
    chosen: Mapping[str, str],
    group: str | None,
    known: Mapping[str, Format],
) -> None:
    roles = sorted({role for one in known.values() for role in one.ROLES})
    for role, column in chosen.items():
        if role not in roles:
            raise ConfigError(
                f"unknown role {role!r}{did_you_mean(role, roles)}",
                where="--columns",
                next=f"roles are {', '.join(roles)}",
            )
        if column not in present:
            raise DataError(
                f"--columns names {column!r} as {role}, but the columns are {listed(present)}"
                + did_you_mean(column, present),
                where=table.name,
            )
    if group is not None and group not in present:
        raise DataError(
            f"there is no column {group!r} to group by; the columns are {listed(present)}"
            + did_you_mean(group, present),
            where=table.name,
        )


def _no_format(
    table: RecordTable, present: Sequence[str], chosen: Mapping[str, str], known: Mapping[str, Format]
) -> DataError:
    able = [one for one in known.values() if set(chosen) <= set(one.ROLES)] or list(known.values())

    def missing(one: Format) -> list[str]:
        found = match(one.ROLES, present, chosen)
        return [role for role in one.REQUIRED if role not in found]

    # The closest format says what is missing; with nothing recognised, pairs are what most people mean.
    nearest = max(able, key=lambda one: (len(one.REQUIRED) - len(missing(one)), one.UNIT == "pairs"))
    roles = missing(nearest)
    needed = " and ".join(_role_words(role, nearest.ROLES[role]) for role in roles)
    return DataError(
        f"cannot tell the format from the columns {listed(present)}; {nearest.UNIT} also need {needed}",
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
        return f"separate the columns by {words}, in the first line as in all others"
    used = {column for columns in found.values() for column in columns}
    free = [column for column in present if column not in used]
    # A column is proposed only where there is no choice left: order never decides a role.
    example = ",".join(f"{role}={free[0] if len(free) == len(missing) == 1 else 'COLUMN'}" for role in missing)
    header = "; the first line must name the columns" if table.kind in flat else ""
    return f"name the columns: --columns {example}{header}"
