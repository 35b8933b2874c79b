"""Two maps side by side: where test queries and their right answers lie before and after training."""

from embedtune.reports.document.blocks import Figures, Section, Table, Text
from embedtune.reports.document.charts.scatter import scatter
from embedtune.reports.results.train import QueryMap

NAMES = ("test queries", "right answers")
SAID = (
    "Each line joins a query to a right answer. Shown are the two directions of largest variance of each space, which "
    "are a small part of it: look at how queries and answers mix, and judge by the scores above."
)


def space_section(space: QueryMap | None) -> Section:
    """Both maps; empty where none was made."""
    if space is None:
        return Section("Queries and answers on a map", [])
    groups = [0] * space.queries + [1] * space.queries
    links = [(row, row + space.queries) for row in range(space.queries)]
    drawn = [
        scatter(title, [x for x, _ in places], [y for _, y in places], groups, names=NAMES, links=links)
        for title, places in (("Before training.", space.before), ("After training.", space.after))
    ]
    rows = [("test queries, each with a right answer", f"{space.queries:,}")]
    return Section("Queries and answers on a map", [Figures(drawn, Table(("drawn on the page", ""), rows)), Text(SAID)])
