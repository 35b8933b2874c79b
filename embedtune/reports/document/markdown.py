"""A report as Markdown.

Every text from data or options is escaped: a document's title can neither break the report nor put a link in it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from embedtune.findings import Finding, by_severity
from embedtune.reports.document.blocks import (
    Block,
    Bullets,
    Example,
    Facts,
    Figure,
    Figures,
    Findings,
    Listing,
    Matrix,
    Report,
    Section,
    Shares,
    Table,
    Text,
)
from embedtune.reports.document.highlight import excerpt, pieces
from embedtune.reports.document.printable import printable
from embedtune.reports.document.wording import said, with_code


def markdown(report: Report) -> str:
    """A report as Markdown, with tables in place of plots; ends with a line end."""
    lead = f"**{escape(report.lead)}**" if report.lead else ""
    about = " · ".join(f"{escape(name)}: {escape(value)}" for name, value in report.about)
    head = [f"# {escape(report.heading)}", lead, escape(report.plain), about]
    parts = [*head, *(_block(block, 2) for block in report.known)]
    return "\n\n".join(filter(None, parts)) + "\n"


def _block(block: Block, level: int) -> str:
    if isinstance(block, Section):
        heading = f"{'#' * level} {escape(block.heading)}"
        return "\n\n".join(filter(None, [heading, *(_block(one, level + 1) for one in block.known)]))
    return _WRITERS[type(block)](block)


def _with_options(text: str) -> str:
    """A text whose commands and options are set as code."""
    return _line_start(with_code(text, _inline, code))


def _plain_table(block: Table) -> str:
    cells = [[escape(cell) for cell in row] for row in (block.header, *block.rows)]
    return table(cells[0], cells[1:], numbers=block.numbers)


def _shares(block: Shares) -> str:
    rows = [(name, f"{count:,}", f"{share:.1%}") for name, count, share in block.rows]
    return _plain_table(Table((*block.header, "share"), rows))


def _example(block: Example) -> str:
    rows = [(escape(one.label), escape(one.standing), _marked(one.text, block.query)) for one in block.passages]
    parts = [f"**{escape(block.query)}** {escape(block.scores)}", table(("", "", "text"), rows)]
    return "\n\n".join(filter(None, parts))


def _marked(text: str, query: str) -> str:
    """An excerpt with the query's words in bold."""
    shown = " ".join(excerpt(text, query).split())
    return "".join(f"**{piece}**" if shared else _inline(piece) for piece, shared in pieces(shown, query))


def escape(text: object) -> str:
    """A text escaped so that Markdown shows it literally, on one line.

    >>> print(escape("<b>[연금](http://x) *a* | b_c\\n# d"))
    \\<b\\>\\[연금\\](http://x) \\*a\\* \\| b_c\\\\n\\# d
    """
    return _line_start(_inline(str(text)))


def _line_start(line: str) -> str:
    return re.sub(r"^(\s*\d*)([-+=.)])(?=[-=\s]|$)", r"\1\\\2", line)  # would open a list or underline a heading


def _inline(text: str) -> str:
    """The same, for a text inside a line."""
    line = re.sub(r"([\\`*\[\]<>#|~&])", r"\\\1", printable(text))
    return re.sub(r"(?<![^\W_])_|_(?![^\W_])", r"\\_", line)  # inside a word an underscore means nothing


def code(text: object) -> str:
    """A text as a code span, whatever backticks it contains.

    >>> code("a`b"), code("runs/x")
    ('`` a`b ``', '`runs/x`')
    """
    line = printable(str(text))
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", line)), default=0))
    return f"{fence} {line} {fence}" if len(fence) > 1 else f"`{line}`"


def findings(found: Sequence[Finding]) -> str:
    """A list of findings, the most severe first."""
    lines = []
    for finding in by_severity(found):
        lines.append(f"- **{finding.severity}** ({code(finding.code)}): {_with_options(said(finding))}")
        lines += [f"  - {code(example)}" for example in finding.examples]
    return "\n".join(lines)


def bullets(texts: Sequence[str]) -> str:
    """A list of texts."""
    return "\n".join(f"- {_with_options(text)}" for text in texts)


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: bool = False) -> str:
    """A Markdown table of escaped cells, right-aligned with `numbers`; empty without rows."""
    if not rows:
        return ""
    rule = ["---", *["---:" if numbers else "---" for _ in header[1:]]]
    # A table is cut into cells before its code spans are read, so a bar in one of them ends the cell too.
    safe = ([re.sub(r"(?<!\\)\|", r"\\|", cell) for cell in cells] for cells in (header, rule, *rows))
    return "\n".join(f"| {' | '.join(cells)} |" for cells in safe)


def fenced(language: str, lines: Sequence[str]) -> str:
    """A code block whose fence is longer than any run of backticks within."""
    body = [printable(line, keep="\t") for line in lines]
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", "\n".join(body))), default=0))
    return "\n".join([f"{fence}{language}", *body, fence])


_WRITERS: Mapping[type, Callable[[Any], str]] = {
    Text: lambda block: _with_options(block.text),
    Table: _plain_table,
    Bullets: lambda block: bullets(block.items),
    Facts: lambda block: _plain_table(Table(("", ""), block.rows)),
    Listing: lambda block: fenced(block.language, block.text.strip("\n").splitlines()),
    Findings: lambda block: findings(block.findings),
    Shares: _shares,
    Matrix: lambda block: _plain_table(block.table),
    Figure: lambda block: _plain_table(block.table) if block.table else "",
    Figures: lambda block: _plain_table(block.table),
    Example: _example,
}
