"""What the tables that commands print share. Colour never says anything alone."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import zip_longest

from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from embedtune.findings import Finding, by_severity
from embedtune.reports.document.printable import printable
from embedtune.reports.document.wording import named, said

STYLES = {"better": "bold green", "worse": "bold red", "error": "bold red", "warning": "yellow", "note": "dim"}
EXAMPLES = 3


def bare_table() -> Table:
    """A table with a line under its header and none around it."""
    return Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)


def plain_table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> Table:
    """A table of texts: names on the left, numbers on the right."""
    table = bare_table()
    for place, heading in enumerate(header):
        table.add_column(Text(printable(heading)), justify="right" if place else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell), style=STYLES.get(cell, "")) for cell in row))
    return table


def verdict_line(sentence: str, verdict: str) -> Text:
    """A verdict in words, in the colour of its word."""
    return Text(printable(sentence), style=STYLES.get(verdict, "bold"))


def findings_below(findings: Iterable[Finding], reported: Collection[str] = ()) -> list[RenderableType]:
    """The findings, the most severe first; those reported earlier are only named."""
    known = by_severity(findings)
    old = [finding for finding in known if finding.message in reported or said(finding) in reported]
    new = [finding for finding in known if finding not in old]
    parts: list[RenderableType] = [Text(), _finding_table(new)] if new else []
    again = named(old)
    return parts + ([Text(), Text(f"Reported earlier, and in the report: {again}.")] if again else [])


def _finding_table(findings: Sequence[Finding]) -> Table:
    """A row per finding; a fix that several in a row share follows the last of them."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column()
    for finding, following in zip_longest(findings, findings[1:]):
        alike = following is not None and following.fix == finding.fix
        text = finding.message if alike else said(finding)
        table.add_row(Text(f"{finding.severity}:", style=STYLES[finding.severity]), Text(printable(text)))
    return table


def finding_lines(finding: Finding) -> list[RenderableType]:
    """A finding with its code, what to do about it and examples, for verbs whose result is findings."""
    head = Text.assemble(
        (f"{finding.severity}: ", STYLES[finding.severity]), (f"{finding.code}  ", "bold"), printable(finding.message)
    )
    below = [Text(printable(finding.fix))] if finding.fix else []
    below += [Text(f"- {printable(example)}", style="dim") for example in finding.examples[:EXAMPLES]]
    more = min(finding.count, 10**9) - min(EXAMPLES, len(finding.examples))
    if finding.examples and more > 0:
        below.append(Text(f"- and {more:,} more", style="dim"))
    return [head, *(Padding(line, (0, 0, 0, 4)) for line in below)]


def places(paths: Mapping[str, str | None]) -> list[RenderableType]:
    """Where files are, a line each; a path is never wrapped, because it is there to be copied."""
    lines = [f"{name:7} {printable(path, keep=chr(9))}" for name, path in paths.items() if path]
    return [Text(), Text("\n".join(lines), no_wrap=True, overflow="ignore")]
