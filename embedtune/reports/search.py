"""The results of a query on a terminal: a column a system, side by side, the query's words in bold."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from embedtune.reports.document.highlight import excerpt, pieces
from embedtune.reports.document.printable import printable

EXCERPT = 160
"""How many characters of a document are shown."""


def search_results(answer: Mapping[str, Any]) -> RenderableType:
    """What the systems found for one query.

    A result that another system does not have is marked: these are what is worth looking at.

    Args:
        answer: {query, results}, of `embedtune search --json`.
    """
    results: Mapping[str, Sequence[Mapping[str, Any]]] = answer["results"]
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, expand=True, show_lines=False)
    table.add_column("", justify="right", no_wrap=True)
    for label in results:
        table.add_column(Text(printable(label)), ratio=1, overflow="fold")
    depth = max(map(len, results.values()))
    for place in range(depth):
        cells = [
            _cell(own[place], answer["query"], several=len(results) > 1) if place < len(own) else Text()
            for own in results.values()
        ]
        table.add_row(str(place + 1), *cells)
    return Group(table, Text()) if depth else Text("nothing is found\n")


def _cell(result: Mapping[str, Any], query: str, *, several: bool) -> Text:
    """Score, id and where others have it, then the stretch of the document with the most of the query's words."""
    head = f"{result['score']:.3f}  {printable(result['document'])}"
    cell = Text(head, style="cyan")
    if several:
        cell.append(f"  {_elsewhere(result['others'])}", style="dim" if any(result["others"].values()) else "yellow")
    cell.append("\n")
    for piece, shared in pieces(excerpt(" ".join(result["text"].split()), query, EXCERPT), query):
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
