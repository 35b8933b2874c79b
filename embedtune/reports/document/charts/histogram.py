"""Distributions over the same bins."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from embedtune.reports.document.charts.axis import HEIGHT, Axis
from embedtune.reports.document.html import render


@dataclass(frozen=True)
class Series:
    """One distribution of a histogram.

    Args:
        name: for the legend.
        counts: one per bin.
        kind: its colour and stroke; a series that is in two charts has the same kind in both.
    """

    name: str
    counts: Sequence[int]
    kind: int = 0

    @property
    def total(self) -> int:
        """How much there is in all bins."""
        return sum(self.counts)

    def shares(self) -> list[float]:
        """The share of the series in each bin."""
        return [count / self.total for count in self.counts] if self.total else [0.0] * len(self.counts)


def histogram(
    title: str,
    edges: Sequence[float],
    series: Sequence[Series],
    *,
    unit: str,
    at: float | None = None,
    bins: tuple[int, int] | None = None,
) -> Markup:
    """Distributions over the same bins, drawn over each other, each as shares of its own total.

    Args:
        title: what it shows, for screen readers.
        edges: bins + 1 borders, ascending.
        series: empty ones stay in the legend.
        unit: what the borders count.
        at: a position on the axis to mark with a line.
        bins: the first bin to draw and the one after the last; all that are not empty if None.

    Returns: a figure; empty when all series are.
    """
    filled = [one for one in series if one.total]
    if not filled:
        return Markup("")
    first, last = bins or used_bins(filled)
    top = max(max(one.shares()[first:last]) for one in filled)
    axis = Axis(edges[first], edges[last])
    drawn = [
        {
            "name": f"{one.name} ({one.total:,})",
            "kind": one.kind,
            "path": _steps(axis, edges[first : last + 1], one.shares()[first:last], top) if one.total else "",
        }
        for one in series
    ]
    mark = None if at is None or not axis.low <= at <= axis.high else axis.place(at)
    return render("histogram.html", title=title, series=drawn, ticks=axis.ticks(), top=top, unit=unit, mark=mark, at=at)


def used_bins(series: Sequence[Series]) -> tuple[int, int]:
    """The bins from the first to the last that is not empty in some series, and one more on each side."""
    used = [place for one in series for place, count in enumerate(one.counts) if count]
    return max(min(used) - 1, 0), min(max(used) + 2, max(len(one.counts) for one in series))


def _steps(axis: Axis, edges: Sequence[float], shares: Sequence[float], top: float) -> str:
    """The outline of a histogram as an SVG path, closed along the axis."""
    places = [axis.x(edge) for edge in edges]
    heights = [round(HEIGHT - share / top * (HEIGHT - 4), 1) for share in shares]
    corners = [
        f"H{right}V{height}" for (_, right), height in zip(pairwise(places), [*heights[1:], HEIGHT], strict=True)
    ]
    return f"M{places[0]} {HEIGHT}V{heights[0]}" + "".join(corners) + "Z"
