"""A dot and its whiskers for each system, all on one axis."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from embedtune.reports.document.charts.axis import around
from embedtune.reports.document.html import render

MOST_TICKS = 5


@dataclass(frozen=True)
class Interval:
    """A value and its interval."""

    name: str
    value: float
    low: float
    high: float


def interval_chart(title: str, intervals: Sequence[Interval], *, unit: str) -> Markup:
    """Values with their intervals.

    Args:
        title: what it shows, for screen readers.
        intervals: from top to bottom.
        unit: what is measured.

    Returns: a figure with a line at 0; empty without intervals.
    """
    if not intervals:
        return Markup("")
    axis = around([end for one in intervals for end in (one.low, one.high, 0.0)])
    rows = [
        {
            "name": one.name,
            "left": axis.place(one.low),
            "width": axis.place(one.high) - axis.place(one.low),
            "dot": axis.place(one.value),
            "heard": f"{one.name}: {one.value:.3f}, {one.low:.3f} to {one.high:.3f}",
        }
        for one in intervals
    ]
    return render(
        "intervals.html",
        title=title,
        rows=rows,
        ticks=axis.ticks(MOST_TICKS),
        unit=unit,
        mark=axis.place(0.0),
    )
