"""A split of a source as a stream of blocks, so that data of any size can be looked at in bounded memory."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice

from embedtune.data.formats import Part, layout_of, nli
from embedtune.data.rows import Rows
from embedtune.data.sources.beir import read_beir
from embedtune.data.sources.problems import Problems
from embedtune.data.sources.source import BeirSource, TableSource
from embedtune.data.sources.tables import RecordTable, open_table
from embedtune.findings import Finding

ROWS = 8192


def read_blocks(
    source: BeirSource | TableSource,
    split: str,
    columns: Mapping[str, str],
    problems: Problems,
    *,
    group: str | None = None,
    rows: int = ROWS,
) -> Iterator[Part]:
    """The rows of a split, some thousands at a time; a BEIR folder is held whole, since judgments name its texts by id.

    Args:
        source: an opened source.
        split: its own name for the split, "" for all of an undivided source.
        columns: role -> column.
        problems: told every fault; rows with one are left out.
        group: the column whose values are never divided.
        rows: records a block.

    Raises:
        DataError: nothing can be read at all, or not further.
    """
    if isinstance(source, BeirSource) and not (source.pairs is not None and split == "train"):
        beir = read_beir(source.folder, [split], group, problems=problems)
        yield from _of_rows(beir.rows(split), beir.findings, rows)
        return
    for table in _tables(source, split, problems):
        yield from _of_table(table, columns, group, rows)


def _tables(source: BeirSource | TableSource, split: str, problems: Problems) -> Iterator[RecordTable]:
    if isinstance(source, BeirSource):
        if source.pairs is not None:
            yield open_table(source.pairs, problems)
    elif source.hub:
        yield replace(source.hub.table(split), problems=problems)
    else:
        yield from (open_table(path, problems) for path in source.files[split])


def _of_table(table: RecordTable, chosen: Mapping[str, str], group: str | None, rows: int) -> Iterator[Part]:
    table, layout, columns = layout_of(table, chosen, group)
    if layout is nli:
        # Its negatives are rows of their own, which may stand anywhere.
        yield layout.read(table, columns)
        return
    said = (f"{table.name}: columns not used: {', '.join(columns.unused)}",) if columns.unused else ()
    while records := list(islice(table.records, rows)):
        # What a layout says counts rows, of which these are a part.
        yield replace(layout.read(replace(table, records=iter(records)), columns), said=said)
        said = ()


def _of_rows(content: Rows, findings: tuple[Finding, ...], rows: int) -> Iterator[Part]:
    for start in range(0, max(1, len(content)), rows):
        part = content.take(range(start, min(start + rows, len(content))))
        yield Part(part, "pairs", findings=findings if start == 0 else ())
