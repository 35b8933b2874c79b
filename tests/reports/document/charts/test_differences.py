"""Sorted differences: the losses below zero at the left, the gains above it at the right, each as large as it is."""

import re
from itertools import pairwise

import pytest

from embedtune.reports.document.charts.axis import HEIGHT, WIDTH
from embedtune.reports.document.charts.differences import difference_chart


def bars(path: str) -> list[tuple[float, float, float]]:
    """(left, right, height above zero) of every bar of an area."""
    x = y = 0.0
    found = []
    for command, number in re.findall(r"([MHV])([-\d.]+)", path):
        if command == "H":
            found.append((x, float(number), HEIGHT / 2 - y))
        x, y = (float(number), y) if command in "MH" else (x, float(number))
    return found


def areas(html: str) -> dict[str, str]:
    return dict(re.findall(r'<path class="area (k\w+)" d="([^"]+)"', html))


def test_bars_are_as_wide_and_high_as_they_should_be() -> None:
    differences = [-1.0, -0.5, 0.0, 0.25]
    html = difference_chart("A title", differences, won=1, lost=2, tied=1, metric="nDCG@10")
    drawn = {kind: bars(path) for kind, path in areas(html).items()}
    quarter = WIDTH / 4
    assert drawn["klost"] == [(0, quarter, -HEIGHT / 2), (quarter, 2 * quarter, -HEIGHT / 4)]
    assert drawn["kwon"] == [(3 * quarter, WIDTH, HEIGHT / 8)]
    assert all(a[1] == b[0] for a, b in pairwise(drawn["klost"]))


def test_counts_are_named_and_a_side_without_any_is_not_drawn() -> None:
    html = difference_chart("<i>", [0.0, 1.0], won=1234, lost=0, tied=7, metric="nDCG@10")
    assert list(areas(html)) == ["kwon"]
    assert all(text in html for text in ("won (1,234)", "lost (0)", "tied (7)", "&lt;i&gt;"))
    assert ">+0.5<" in html and ">-0.5<" in html


@pytest.mark.parametrize("differences", [[], [0.0, 0.0]])
def test_nothing_is_drawn_where_nothing_differs(differences: list[float]) -> None:
    assert difference_chart("t", differences, won=0, lost=0, tied=len(differences), metric="m") == ""
