"""What `embedtune init` prints: what it found and chose, and the next commands."""

from collections.abc import Collection

from rich.console import Group, RenderableType
from rich.text import Text

from embedtune.reports.document.printable import printable
from embedtune.reports.document.terminal import places
from embedtune.reports.results.init import InitResult


def table(result: InitResult, reported: Collection[str] = ()) -> RenderableType:
    """The sentences that were not printed while it worked, the recipe's file and the commands, to be copied."""
    said = [Text(printable(sentence)) for sentence in result.described if sentence not in reported]
    commands = Text("\n".join(printable(command) for command in result.commands), no_wrap=True, overflow="ignore")
    return Group(*said, *places({"recipe": result.output}), Text(), Text("Next:", style="bold"), commands)
