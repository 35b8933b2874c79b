"""What `embedtune reproduce` prints: each figure as published and as found."""

from collections.abc import Collection

from rich.console import Group, RenderableType
from rich.text import Text

from embedtune.evaluation.metrics import metric_label
from embedtune.reports.document.printable import printable
from embedtune.reports.document.terminal import bare_table
from embedtune.reports.results.reproduce import ReproduceResult


def table(result: ReproduceResult, reported: Collection[str] = ()) -> RenderableType:
    """The figures with their tolerance and verdict; a reproduction has no findings."""
    shown = bare_table()
    shown.add_column("set", overflow="fold")
    for heading in ("metric", "published", "found", "difference", "allowed", "verdict"):
        shown.add_column(heading, justify="left" if heading in ("metric", "verdict") else "right", no_wrap=True)
    for figure in result.figures:
        found = figure.found
        shown.add_row(
            Text(printable(figure.name)),
            metric_label(figure.metric),
            f"{figure.published:.5f}",
            "" if found is None else f"{found:.5f}",
            "" if found is None else f"{found - figure.published:+.5f}",
            f"{figure.tolerance:g}",
            figure.verdict,
        )
    missing = [figure for figure in result.figures if figure.found is None]
    lines = [Text(printable(f"--data {one.name}=SET would compute {one.name}: {one.data}")) for one in missing]
    return Group(Text(printable(result.model)), shown, *lines, Text(result.verdict, style="bold"))
