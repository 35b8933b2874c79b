"""What `embedtune encode` prints: how many vectors there are, and where."""

from collections.abc import Collection

from rich.console import Group, RenderableType
from rich.text import Text

from embedtune.findings import counted
from embedtune.reports.document.terminal import places
from embedtune.reports.results.encode import EncodeResult


def table(result: EncodeResult, reported: Collection[str] = ()) -> RenderableType:
    """The vectors, how many of them came from the store, and the file; an encoding has no findings."""
    known = f", {result.from_store:,} of them from the store" if result.from_store else ""
    vectors = f"{counted(result.texts, 'vector')} of {counted(result.dimensions, 'dimension')}"
    return Group(Text(f"{vectors}{known}"), *places({"output": result.output}))
