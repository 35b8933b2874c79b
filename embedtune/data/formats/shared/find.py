"""The format of a table, decided by its columns; and the rows of tables, read at once or in blocks.

The columns alone do not say what is done with pairs that a column judges: `settle` looks at its values.
"""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Any

from embedtune.config.suggest import did_you_mean
from embedtune.data.formats import Format, Part, read_formats
from embedtune.data.formats.shared.column_guess import guessed_columns
from embedtune.data.formats.shared.judgement import ANSWERS, RELATIONS, ignored, said_unused
from embedtune.data.formats.shared.placeholders import without_placeholders
from embedtune.data.formats.shared.settle import JUDGING_ROLES, LOOKED_AT, Suggested, Watch, as_roles_of
from embedtune.data.formats.shared.values import tallies_of
from embedtune.data.left_out import together
from embedtune.data.rows import one_after_another
from embedtune.data.sources.columns import Columns, listed, match, refuse_twice, spoken
from embedtune.data.sources.problems import Problems
from embedtune.data.sources.tables import Record, RecordTable, look_ahead
from embedtune.errors import ConfigError, DataError

BLOCK = 8192
"""Records that are read at a time."""
UNUSED = "columns not used"
"""What a sentence about columns without a role says."""
_NOT_IN_ROWS = ("title", "weight", "answers")  # roles that a row's record has no field for


def read_part(table: RecordTable, chosen: Mapping[str, str], group: str | None = None) -> Part:
    """Find the format of a table by its columns and read all of it.

    Args:
        table: the records.
        chosen: role -> column, where the user named them.
        group: the column whose values are never divided.

    Raises:
        DataError: no format fits the columns, the rows have faults (all of them reported at once), most rows have no
            text, or a column may judge the pairs and the user has to say so.
        ConfigError: a role was named that no format has.
    """
    found = format_of(table, chosen, group)
    table, left_out = found.table, found.table.problems.left_out
    before = left_out.rows
    part = without_placeholders(found.format.read(table, found.columns), left_out)
    left_out.rows = before + len(part.scored or part.content)
    found.watch.demand_clear()
    _refuse_mostly_missing(table)
    table.problems.raise_if_any()
    late = (note for note in table.notes if note not in found.said)  # what only later rows showed
    return replace(part, said=(*part.said, *found.said, *late), findings=(*part.findings, *left_out.findings()))


def _refuse_mostly_missing(table: RecordTable) -> None:
    """Where most rows are left out, they are faults."""
    problems, faults = table.problems, table.problems.left_out.faults
    for where, what in faults:
        problems.add(where, what)
    if faults:
        problems.count += problems.left_out.count - len(faults)


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
    said = sum((part.said for part in parts), ())
    findings = tuple(together(one for part in parts for one in part.findings))
    scored = [part.scored for part in parts if part.scored is not None]
    content = one_after_another([part.content for part in parts])
    return Part(content, parts[0].unit, said, findings, one_after_another(scored) if scored else None)


def read_blocks(table: RecordTable, chosen: Mapping[str, str], group: str | None, rows: int) -> Iterator[Part]:
    """Read a table `rows` records at a time; faults stay in `table.problems`, and rows with one are left out.

    The other arguments are those of `read_part`.

    Raises:
        DataError: nothing can be read at all, or reading cannot continue.
    """
    found = format_of(table, chosen, group)
    table, left_out = found.table, found.table.problems.left_out
    if getattr(found.format, "WHOLE", False):
        every = list(table.records)
        part = found.format.read(replace(table, records=iter(every)), found.columns)
        left_out.rows += len(part.scored or part.content)
        yield _with_unused(replace(part, said=(*part.said, *found.said)), found, every)
    else:
        said = found.said
        while records := list(islice(table.records, rows)):
            # A format's sentences count its rows, and these are only some of them.
            part = replace(found.format.read(replace(table, records=iter(records)), found.columns), said=said)
            left_out.rows += len(part.scored or part.content)
            yield _with_unused(part, found, records)
            said = ()
    found.watch.demand_clear()


@dataclass(frozen=True)
class TableFormat:
    """The format of a table.

    Args:
        table: with all its records still to be read.
        format: that reads it.
        columns: by role.
        watch: looks at the columns that could turn out to judge the pairs.
        said: sentences about columns that play no role.
    """

    table: RecordTable
    format: Format
    columns: Columns
    watch: Watch
    said: tuple[str, ...]


def format_of(table: RecordTable, chosen: Mapping[str, str], group: str | None = None) -> TableFormat:
    """The format of a table by its columns and, where these could judge pairs, by the values of its first rows.

    Raises:
        DataError: no format fits the columns, there are no rows, or the user has to say what a column is.
        ConfigError: a role was named that no format has.
    """
    table, present = look_ahead(table)
    head = list(islice(table.records, LOOKED_AT))
    table = replace(table, records=chain(head, table.records))
    first = [record for _, record in head]
    tallies = tallies_of(first)
    known = read_formats()
    _check_chosen(table, (present, tuple(tallies)), chosen, group, known)
    fitting = []
    for name, one in known.items():
        own = as_roles_of(name, one.ROLES, chosen)
        names = match(one.ROLES, present, own)
        if set(own) <= set(one.ROLES) and set(one.REQUIRED) <= set(names):
            fitting.append((len(one.REQUIRED), name, names))
    if not fitting:
        raise _no_format(table, present, chosen, known, first)
    # Of two that require as much, the one that reads signals: a text beside a signal describes it.
    _, name, names = max(fitting, key=lambda candidate: (candidate[0], "signal" in candidate[2]))
    settled = Suggested(table.name, name, names, present, chosen, tallies, group, first).settle()
    found = known[settled.format]
    columns = Columns(settled.names, group, settled.unused, settled.chosen)
    refuse_twice(columns.names, getattr(found, "MANY", ()), table.name)
    unused = (f"{table.name}: {UNUSED}: {said_unused(columns.unused, tallies)}",) if columns.unused else ()
    said = (*table.notes, *unused)
    watched = replace(table, records=settled.watch.over(table.records))
    return TableFormat(watched, found, columns, settled.watch, said)


def _with_unused(part: Part, how: TableFormat, records: Sequence[Record]) -> Part:
    """The part with what its records have besides the texts, scores and classes of their rows."""
    table, found, columns = how.table, how.format, how.columns
    many = {role: found.ROLES[role] for role in getattr(found, "MANY", ())}
    fixed = {one for role, own in columns.names.items() if role not in _NOT_IN_ROWS for one in own}
    others: dict[tuple[str, ...], list[str]] = {}
    for _, record in records:
        names = tuple(record)
        if names not in others:  # lines differ in their columns, so that those of the first do not decide
            played = fixed.union(*match(many, names, columns.chosen).values())
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


def _check_chosen(
    table: RecordTable,
    columns: tuple[Sequence[str], Sequence[str]],
    chosen: Mapping[str, str],
    group: str | None,
    known: Mapping[str, Format],
) -> None:
    """Refuse roles and columns that do not exist; `columns` are those of the table, and these with keys of objects."""
    present, inner = columns
    roles = sorted({role for one in known.values() for role in one.ROLES} | set(ANSWERS))
    for role, column in chosen.items():
        if role not in roles:
            raise ConfigError(
                f"unknown role {role!r}{did_you_mean(role, roles)}",
                where="--columns",
                next=f"roles are {', '.join(roles)}",
            )
        if role in RELATIONS or (role == "ignore" and ignored(chosen, present) <= set(present)):
            continue
        if column not in present and not (column in inner and role in JUDGING_ROLES):
            raise DataError(
                f"--columns names {column!r} as {role}, but the columns are {listed(present)}"
                + did_you_mean(column, present),
                where=table.name,
                next=_another(role, present, chosen, known),
            )
    if group is not None and group not in present:
        raise DataError(
            f"there is no column {group!r}; the columns are {listed(present)}" + did_you_mean(group, present),
            where=table.name,
            next="name one of them with --group",
        )


def _another(role: str, present: Sequence[str], chosen: Mapping[str, str], known: Mapping[str, Format]) -> str:
    """What to name instead of a column that is not there: the one that would play the role by its name, if any does."""
    there = {one: column for one, column in chosen.items() if column in present}
    usual = [name for one in known.values() for name in match(one.ROLES, present, there).get(role, ())]
    if not usual or any(sign in usual[0] for sign in ",="):
        return f"name another column: --columns {role}=COLUMN"
    instead = {one: usual[0] if one == role else column for one, column in chosen.items() if one in (role, *there)}
    named = ",".join(f"{one}={column}" for one, column in instead.items())
    return f"if this was meant, name it: --columns {shlex.quote(named)}"


def _no_format(
    table: RecordTable,
    present: Sequence[str],
    chosen: Mapping[str, str],
    known: Mapping[str, Format],
    records: Sequence[Mapping[str, Any]],
) -> DataError:
    able = [one for one in known.values() if set(chosen) <= set(one.ROLES)] or list(known.values())

    def missing(one: Format) -> list[str]:
        found = match(one.ROLES, present, chosen)
        return [role for role in one.REQUIRED if role not in found]

    # The closest format says what is missing; with nothing recognised, pairs are what most people mean.
    nearest = max(able, key=lambda one: (len(one.REQUIRED) - len(missing(one)), one.UNIT == "pairs"))
    roles = missing(nearest)
    needed = " and ".join(_role_words(role, nearest.ROLES[role]) for role in roles)
    found = match(nearest.ROLES, present, chosen)
    error = DataError(
        f"cannot tell the format from the columns {listed(present)}; {nearest.UNIT} also need {needed}",
        where=table.name,
        next=_column_advice(table, present, roles, found),
    )
    used = {column for columns in found.values() for column in columns}
    guess = guessed_columns(roles, nearest.ROLES, [column for column in present if column not in used], records)
    if guess and not any(sign in column for column in guess.values() for sign in ",="):
        named = ",".join(f"{role}={column}" for role, column in {**chosen, **guess}.items())
        error.retry = f"--columns {shlex.quote(named)}"
        error.next = f"if these were meant, name them: {error.retry}"
    return error


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
