"""Dots on a map, coloured by their group; the number of each group stands in the middle of its dots.

Where groups have names, a legend says them instead of the numbers.
"""

from collections.abc import Sequence
from statistics import median

from markupsafe import Markup

from embedtune.reports.document.charts.axis import KINDS
from embedtune.reports.document.html import render

SIDE = 1000
NUMBERED = 40
"""Groups whose number is drawn; more would cover the dots."""
WIDE, HIGH = 45, 28
"""What a number takes up; one that would cover that of a larger group is left out."""


def scatter(
    title: str,
    x: Sequence[float],
    y: Sequence[float],
    groups: Sequence[int],
    *,
    names: Sequence[str] = (),
    links: Sequence[tuple[int, int]] = (),
) -> Markup:
    """A map.

    Args:
        title: what it shows; printed above it.
        x: of each dot, 0 to 1.
        y: likewise, upwards.
        groups: the group of each dot, 0 or above; -1 for none. Colours repeat after six.
        names: of the groups.
        links: pairs of dots that a line joins.

    Returns: a figure; empty without dots.
    """
    if not x:
        return Markup("")
    places = [(round(SIDE * one), round(SIDE * (1 - other))) for one, other in zip(x, y, strict=True)]
    dots = [(*place, group % KINDS if group >= 0 else None) for place, group in zip(places, groups, strict=True)]
    numbers: list[tuple[int, int, int]] = []
    for group in sorted({one for one in groups if 0 <= one < NUMBERED} if not names else ()):
        own = [place for place, one in zip(places, groups, strict=True) if one == group]
        middle = round(median(one for one, _ in own)), round(median(other for _, other in own))
        if all(abs(middle[0] - one) > WIDE or abs(middle[1] - other) > HIGH for _, one, other in numbers):
            numbers.append((group, *middle))
    heard = f"{title} {len(x)} dots in {len({one for one in groups if one >= 0})} groups."
    joined = [(*places[one], *places[other]) for one, other in links]
    named = list(enumerate(names))
    shown = {"dots": dots, "numbers": numbers, "links": joined, "names": named, "side": SIDE}
    return render("scatter.html", title=title, heard=heard, **shown)
