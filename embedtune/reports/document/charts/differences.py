"""What each query gained or lost, sorted: how many, how much, and whether a few of them decide the mean."""

from collections.abc import Sequence

from markupsafe import Markup

from embedtune.reports.document.charts.axis import HEIGHT, Axis, Tick
from embedtune.reports.document.html import render

MOST_TICKS = 6


def difference_chart(
    title: str, differences: Sequence[float], *, won: int, lost: int, tied: int, metric: str
) -> Markup:
    """Sorted differences as areas around zero.

    Args:
        title: what it shows, for screen readers.
        differences: ascending; each represents the same number of queries.
        won: how many queries gained.
        lost: how many lost.
        tied: how many did not change.
        metric: what differs.

    Returns: a figure; empty when there is no difference.
    """
    top = max((abs(value) for value in differences), default=0.0)
    if not top:
        return Markup("")
    across, up = Axis(0, len(differences)), Axis(-top, top)
    series = [
        {"name": f"lost ({lost:,})", "kind": "lost", "path": _area(across, up, [min(d, 0.0) for d in differences])},
        {"name": f"won ({won:,})", "kind": "won", "path": _area(across, up, [max(d, 0.0) for d in differences])},
    ]
    return render(
        "differences.html",
        title=title,
        series=series,
        tied=tied,
        metric=metric,
        across=Axis(0, 100).ticks(MOST_TICKS),
        up=[Tick(f"{float(tick.text):+g}" if float(tick.text) else "0", tick.place) for tick in up.ticks(MOST_TICKS)],
    )


def _area(across: Axis, up: Axis, values: Sequence[float]) -> str:
    """The outline of bars without gaps, closed along zero; empty where all are zero."""
    first = next((place for place, value in enumerate(values) if value), None)
    if first is None:
        return ""
    last = max(place for place, value in enumerate(values) if value)
    heights = [up.y(value) for value in values[first : last + 1]]
    corners = [f"H{across.x(first + place + 1)}V{height}" for place, height in enumerate([*heights[1:], HEIGHT / 2])]
    return f"M{across.x(first)} {HEIGHT / 2}V{heights[0]}" + "".join(corners) + "Z"
