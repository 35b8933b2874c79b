"""Charts as inline SVG: no script, no fonts, no files; colours are the page's, and never alone say what is what.

A plot is stretched to the width it finds, and its labels are HTML around it, so that words keep their size on a phone.
Each line has a dash pattern of its own, for print and for those who see colours differently.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from embedtune.reports.html import render

WIDTH, HEIGHT = 1000, 300
"""Units of a plot; it is stretched from there."""
MOST_TICKS = 7


@dataclass(frozen=True)
class Series:
    """One distribution of a histogram.

    Args:
        name: for the legend.
        counts: one a bin.
        kind: its colour and stroke, 0 to 3; what two charts share keeps its kind in both.
    """

    name: str
    counts: Sequence[int]
    kind: int = 0

    @property
    def total(self) -> int:
        return sum(self.counts)

    def shares(self) -> list[float]:
        """The share of the series in each bin."""
        return [count / self.total for count in self.counts] if self.total else [0.0] * len(self.counts)


def histogram(
    title: str, edges: Sequence[float], series: Sequence[Series], *, unit: str, at: float | None = None
) -> Markup:
    """Distributions over the same bins, drawn over each other, each as shares of its own total.

    Args:
        title: what it shows, for those who hear it read.
        edges: bins + 1 borders, rising.
        series: up to four; those without anything in them stay in the legend.
        unit: what the borders count.
        at: a place on the axis to mark with a line.

    Returns: a figure; nothing when there is nothing in any series.
    """
    filled = [one for one in series if one.total]
    if not filled:
        return Markup("")
    first, last = _span(edges, filled)
    top = max(max(one.shares()[first:last]) for one in filled)
    drawn = [
        {
            "name": one.name,
            "total": one.total,
            "kind": one.kind,
            "path": _steps(edges[first : last + 1], one.shares()[first:last], top) if one.total else "",
        }
        for one in series
    ]
    low, high = edges[first], edges[last]
    mark = None if at is None or not low <= at <= high else (at - low) / (high - low)
    ticks = [{"text": f"{tick:g}", "place": (tick - low) / (high - low)} for tick in round_ticks(low, high)]
    return render(
        "histogram.html",
        title=title,
        series=drawn,
        ticks=ticks,
        top=top,
        unit=unit,
        mark=mark,
        at=at,
        width=WIDTH,
        height=HEIGHT,
    )


def round_ticks(low: float, high: float) -> list[float]:
    """Round numbers within a span, at most `MOST_TICKS`.

    >>> round_ticks(-0.13, 0.91)
    [0.0, 0.2, 0.4, 0.6, 0.8]
    """
    steps = (base * 10.0**power for power in range(-6, 7) for base in (1, 2, 5))
    step = next(step for step in steps if (high - low) / step <= MOST_TICKS - 1)
    first = -int(-low // step) if low > 0 else int(low / step)
    multiples = range(first, int(high // step) + 1)
    return [round(multiple * step, 9) for multiple in multiples if low <= multiple * step <= high]


def _span(edges: Sequence[float], series: Sequence[Series]) -> tuple[int, int]:
    """The bins from the first to the last that any series has something in, and one more on each side."""
    used = [place for one in series for place, count in enumerate(one.counts) if count]
    return max(min(used) - 1, 0), min(max(used) + 2, len(edges) - 1)


def _steps(edges: Sequence[float], shares: Sequence[float], top: float) -> str:
    """The outline of a histogram as an SVG path, closed along the axis."""
    low, high = edges[0], edges[-1]
    places = [round((edge - low) / (high - low) * WIDTH, 1) for edge in edges]
    heights = [round(HEIGHT - share / top * (HEIGHT - 4), 1) for share in shares]
    corners = [
        f"H{right}V{height}" for (_, right), height in zip(pairwise(places), [*heights[1:], HEIGHT], strict=True)
    ]
    return f"M{places[0]} {HEIGHT}V{heights[0]}" + "".join(corners) + "Z"
