"""What `embedtune search` prints for a query: a column per system, side by side, the query's words in bold."""

from collections.abc import Collection, Mapping

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from embedtune.reports.document.highlight import excerpt, pieces
from embedtune.reports.document.printable import printable
from embedtune.reports.document.terminal import bare_table
from embedtune.reports.results.search import FoundDocument, SearchAnswer, SearchResult

EXCERPT = 160
"""How many characters of a document are shown."""


def table(result: SearchAnswer | SearchResult, reported: Collection[str] = ()) -> RenderableType:
    """What the systems found for a query, or for each of several; a search has no findings.

    A result that another system does not have is marked, because it is worth looking at.
    """
    if isinstance(result, SearchAnswer):
        return _answer(result)
    return Group(*(part for one in result.queries for part in (Text(printable(one.query)), _answer(one))))


def _answer(answer: SearchAnswer) -> RenderableType:
    results = answer.results
    shown: Table = bare_table()
    shown.expand = True
    shown.add_column("", justify="right", no_wrap=True)
    for label in results:
        shown.add_column(Text(printable(label)), ratio=1, overflow="fold")
    depth = max(map(len, results.values()))
    for place in range(depth):
        cells = [
            _cell(own[place], answer.query, several=len(results) > 1) if place < len(own) else Text()
            for own in results.values()
        ]
        shown.add_row(str(place + 1), *cells)
    return Group(shown, Text()) if depth else Text("nothing found\n")


def _cell(found: FoundDocument, query: str, *, several: bool) -> Text:
    """Score, id and where others have it, then the part of the document with the most of the query's words."""
    cell = Text(f"{found.score:.3f}  {printable(found.document)}", style="cyan")
    if several:
        cell.append(f"  {_elsewhere(found.others)}", style="dim" if any(found.others.values()) else "yellow")
    cell.append("\n")
    for piece, shared in pieces(excerpt(" ".join(found.text.split()), query, EXCERPT), query):
        cell.append(printable(piece), style="bold default" if shared else "default")
    return cell


def _elsewhere(others: Mapping[str, int | None]) -> str:
    """At which rank another system has it.

    >>> _elsewhere({"bm25": 3}), _elsewhere({"bm25": None}), _elsewhere({"a": 1, "b": None})
    ('#3 there', 'only here', '#1 in a')
    """
    found = {label: rank for label, rank in others.items() if rank}
    if not found:
        return "only here"
    if len(others) == 1:
        return f"#{next(iter(found.values()))} there"
    return ", ".join(f"#{rank} in {printable(label)}" for label, rank in found.items())
