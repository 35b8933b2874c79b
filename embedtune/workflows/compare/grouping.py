"""Which queries of a comparison count as one: by a column of the judged data, or as the systems were evaluated."""

from collections.abc import Mapping, Sequence

from embedtune.errors import DataError
from embedtune.evaluation.verdicts.query_groups import QueryGroups
from embedtune.findings import Finding
from embedtune.workflows.compare.values import Sources, Values


def groups_of(
    values: Sequence[Values], queries: Sequence[str], sources: Sources
) -> tuple[QueryGroups | None, list[Finding]]:
    """The groups of the queries, and what to know about them; None where each counts by itself.

    Where only some systems were evaluated by group, their groups hold for all: the queries are the same.

    Raises:
        DataError: the judged data has no such column, or lacks some of the queries.
    """
    if sources.group is not None:
        grouping = sources.judged.groups
        return _of(sources.group, {} if grouping is None else grouping.of, queries, str(sources.data)), []
    columns = list(dict.fromkeys(column for one in values for column in one.groups))
    for column in columns:
        known = {query: name for one in values for query, name in one.groups.get(column, {}).items()}
        if all(query in known for query in queries):
            return _of(column, known, queries, ""), _differing(columns, column)
    return None, []


def _differing(columns: Sequence[str], used: str) -> list[Finding]:
    """What to know where the systems were evaluated by several columns."""
    if len(columns) < 2:
        return []
    message = f"the systems were evaluated by different groups ({', '.join(columns)}); those by {used} are used."
    return [Finding("groups-differ", "warning", len(columns), message, "Evaluate them again with the same --group.")]


def _of(column: str, known: Mapping[str, str], queries: Sequence[str], where: str) -> QueryGroups:
    lacking = [query for query in queries if query not in known]
    if lacking:
        raise DataError(
            f"{len(lacking):,} of {len(queries):,} queries are not in the data, so their {column} is not known",
            where=where,
            next="name the data that the systems were scored on: --data and --split",
        )
    return QueryGroups.by(column, [known[query] for query in queries])
