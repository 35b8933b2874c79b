"""A matrix of scores, each cell shaded by its value, with the value written in it."""

from collections.abc import Sequence

from markupsafe import Markup

from embedtune.reports.document.html import render


def heat_map(
    title: str, corner: str, columns: Sequence[str], rows: Sequence[tuple[str, Sequence[float]]], learned: Sequence[int]
) -> Markup:
    """The map.

    Args:
        title: what it shows.
        corner: what the names of the rows are.
        columns: names of the columns.
        rows: a name and its values, from top to bottom.
        learned: the column that is marked in each row; -1 for none.

    Returns: a figure; empty without rows.
    """
    if not rows:
        return Markup("")
    values = [value for _, own in rows for value in own]
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    cells = [
        (name, [(value, round(100 * (value - low) / span), place == mark) for place, value in enumerate(own)])
        for (name, own), mark in zip(rows, learned, strict=True)
    ]
    return render("heat.html", title=title, corner=corner, columns=columns, rows=cells)
