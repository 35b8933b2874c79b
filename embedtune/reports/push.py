"""What `embedtune push` prints: the files, and where they are."""

from collections.abc import Collection

from rich.console import Group, RenderableType
from rich.text import Text

from embedtune.findings import counted
from embedtune.reports.document.printable import printable
from embedtune.reports.document.terminal import bare_table
from embedtune.reports.document.wording import memory
from embedtune.reports.results.push import PushResult


def table(result: PushResult, reported: Collection[str] = ()) -> RenderableType:
    """The files and their sizes; publishing has no findings."""
    shown = bare_table()
    shown.add_column("file", overflow="fold")
    shown.add_column("size", justify="right", no_wrap=True)
    for file in result.files:
        shown.add_row(Text(printable(file.name)), memory(file.size_bytes))
    total = f"{counted(len(result.files), 'file')}, {memory(sum(file.size_bytes for file in result.files))}"
    if result.dry_run:
        said = f"{total} would go to {result.repository}; nothing was sent"
    else:
        seen = {True: "; only you can see it", False: "; everybody can see it", None: ""}[result.private]
        said = f"{total} sent: {result.url}{seen}"
    return Group(shown, Text(), Text(printable(said)))
