"""What vectors score that are cut or stored in fewer bits, where training asked for such vectors."""

from collections.abc import Sequence

from rich.table import Table as TerminalTable
from rich.text import Text as TerminalText

from embedtune.reports.document.blocks import Section, Table, Text
from embedtune.reports.document.terminal import bare_table
from embedtune.reports.results.train import SmallerRow

HEADING = "Smaller vectors"
HEADER = ("dimensions", "stored as", "bytes", "before", "after", "against full vectors (95% interval)")
SAID = (
    "nDCG@10 on the queries that the verdict rests on. The last column compares the trained encoder's smaller vectors "
    "with its full ones. In int8 documents are rounded and queries are not; binary compares signs with signs."
)


def smaller_section(rows: Sequence[SmallerRow]) -> Section:
    """The section on the page; empty where no smaller vectors were trained."""
    if not rows:
        return Section(HEADING)
    return Section(HEADING, [Table(HEADER, [_cells(row) for row in rows]), Text(SAID, quiet=True)])


def smaller_table(rows: Sequence[SmallerRow]) -> TerminalTable:
    """The same in the terminal."""
    shown = bare_table()
    for place, name in enumerate(HEADER):
        shown.add_column(name.removesuffix(" (95% interval)"), justify="left" if place == 1 else "right", no_wrap=True)
    for row in rows:
        shown.add_row(*(TerminalText(cell) for cell in _cells(row)))
    return shown


def _cells(row: SmallerRow) -> tuple[str, ...]:
    low, high = row["interval"]
    full = row["stored"] is None and not row["difference"]
    return (
        f"{row['dimensions']:,}",
        row["stored"] or "float32",
        f"{row['bytes_per_vector']:,}",
        "" if row["before"] is None else f"{row['before']:.3f}",
        f"{row['after']:.3f}",
        "" if full else f"{row['difference']:+z.3f} ({low:+z.3f} to {high:+z.3f})",
    )
