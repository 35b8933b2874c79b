"""Links between rows, from a file of two ids per line."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from embedtune.clustering.graphs.links import LinkCounts, link_graph
from embedtune.data.sources.columns import listed, match
from embedtune.data.sources.streams import plain_suffix
from embedtune.data.sources.tables import look_ahead, open_table
from embedtune.errors import DataError
from embedtune.findings import Finding, counted

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_ROLES = {"source": ("source", "from", "src", "head", "citing"), "target": ("target", "to", "dst", "tail", "cited")}


def read_links(path: Path, ids: dict[str, int], count: int) -> tuple["csr_array", LinkCounts, list[Finding]]:
    """The graph of a file of links, what it holds, and what is odd about it.

    Args:
        path: with columns source and target (or from and to), as CSV, TSV, JSONL or Parquet.
        ids: id -> row.
        count: rows.

    Raises:
        DataError: it cannot be read, or no link joins two rows.
    """
    unknown: list[str] = []
    known: list[tuple[int, int]] = []
    total = 0
    for source, target in _pairs(path):
        total += 1
        missing = [one for one in (source, target) if one not in ids]
        unknown += missing[:1] if missing else []
        if not missing:
            known.append((ids[source], ids[target]))
    if not known:
        raise DataError(
            f"none of {counted(total, 'link')} joins two rows of the data, such as {unknown[0]!r}"
            if unknown
            else "it holds no links",
            where=str(path),
            next="the ids must be those of the data's rows (_id or id)",
        )
    graph, counts = link_graph(count, known)
    return graph, counts, list(_findings(counts, unknown, total))


def _pairs(path: Path) -> Iterator[tuple[str, str]]:
    table, present = look_ahead(open_table(path))
    columns = match(_ROLES, present, {})
    if columns.keys() != _ROLES.keys():
        if len(present) != 2 or plain_suffix(path) not in (".tsv", ".csv"):
            raise DataError(
                f"cannot tell which of the columns {listed(present)} are source and target",
                where=str(path),
                next="name them source and target",
            )
        yield present[0], present[1]  # a file without a header: its first line is a link
        names = (present[0], present[1])
    else:
        names = (columns["source"][0], columns["target"][0])
    for _, record in table.records:
        yield str(record.get(names[0])), str(record.get(names[1]))
    table.problems.raise_if_any()


def _findings(counts: LinkCounts, unknown: list[str], total: int) -> Iterator[Finding]:
    if unknown:
        message = f"{len(unknown):,} of {counted(total, 'link')} name a row that is not in the data; they are left out."
        examples = tuple(dict.fromkeys(unknown))[:20]
        yield Finding("unknown-links", "warning", len(unknown), message, "Check the ids.", examples)
    if counts.loops:
        message = f"{counted(counts.loops, 'link')} from a row to itself left out."
        yield Finding("loops", "note", counts.loops, message)
    if counts.isolated:
        message = f"{counted(counts.isolated, 'row')} without a link: only text says where they belong."
        yield Finding("isolated", "note", counts.isolated, message)
