"""Lines over steps, or over anything else in ascending order."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from embedtune.reports.document.charts.axis import KINDS, Axis, around
from embedtune.reports.document.html import render

MOST_TICKS = 6


@dataclass(frozen=True)
class Line:
    """A name for the legend, and a value per place; None where nothing was measured."""

    name: str
    values: Sequence[float | None]

    @property
    def known(self) -> list[float]:
        """The values that were measured."""
        return [value for value in self.values if value is not None]


def line_chart(
    title: str,
    places: Sequence[float],
    lines: Sequence[Line],
    *,
    unit: str,
    bounds: tuple[float, float] | None = None,
    log: bool = False,
    at: float | None = None,
) -> Markup:
    """Values over the same places.

    Args:
        title: what it shows; printed above it.
        places: ascending; positive with `log`.
        lines: after the first six, colours repeat.
        unit: what the places count.
        bounds: of the vertical axis; fitted to the values if None.
        log: equal ratios of places are equally long.
        at: a place to mark with a line.

    Returns: a figure; empty when no line has a value.
    """
    known = [value for line in lines for value in line.known]
    if not known:
        return Markup("")
    across, up = _across(places, log=log), around(known, bounds)
    drawn = [
        {"name": line.name, "kind": kind % KINDS, "path": _path(across, up, places, line.values)}
        for kind, line in enumerate(lines)
        if line.known
    ]
    return render(
        "lines.html",
        title=title,
        heard=". ".join([title, *map(_heard, lines)]),
        series=drawn,
        across=across.ticks(MOST_TICKS - 1),
        up=up.ticks(MOST_TICKS),
        unit=unit,
        mark=None if at is None else across.place(at),
    )


def _across(places: Sequence[float], *, log: bool) -> Axis:
    low, high = places[0], places[-1]
    return Axis(low, high, log=log) if low < high else Axis(low - 0.5, high + 0.5)


def _path(across: Axis, up: Axis, places: Sequence[float], values: Sequence[float | None]) -> str:
    """An SVG path from value to value, with a gap where one is missing; a single value is a dot."""
    parts, pen = [], "M"
    for place, value in zip(places, values, strict=True):
        if value is not None:
            parts.append(f"{pen}{across.x(place)} {up.y(value)}" + ("h0" if pen == "M" else ""))
        pen = "M" if value is None else "L"
    return "".join(parts)


def _heard(line: Line) -> str:
    """A line in words, for screen readers."""
    if not line.known:
        return f"{line.name}: nothing measured"
    ends = f"{line.known[0]:.3g} at first, {line.known[-1]:.3g} at last"
    return f"{line.name}: {ends}, between {min(line.known):.3g} and {max(line.known):.3g}"
