"""Charts: what is drawn is what was counted, and texts stay texts."""

import re
from itertools import pairwise

import pytest

from embedtune.reports.document.charts.axis import HEIGHT, WIDTH
from embedtune.reports.document.charts.histogram import Series, histogram, used_bins

EDGES = [0.0, 0.25, 0.5, 0.75, 1.0]


def outline(html: str) -> list[tuple[float, float]]:
    """The corners of the first path, walked along."""
    x = y = 0.0
    corners = []
    for command, numbers in re.findall(r"([MHV])([-\d. ]+)", re.findall(r' d="([^"]+)"', html)[0]):
        values = [float(number) for number in numbers.split()]
        x = values[0] if command in "MH" else x
        y = values[-1] if command in "MV" else y
        corners.append((x, y))
    return corners


def test_heights_are_shares_of_the_series() -> None:
    corners = outline(histogram("A title.", EDGES, [Series("one", [1, 2, 4, 1])], unit="score"))
    heights = [HEIGHT - y for (x, y), (after, below) in pairwise(corners) if y == below and after > x]
    assert [height / max(heights) for height in heights] == pytest.approx([0.25, 0.5, 1, 0.25], abs=0.01)
    assert corners[0] == (0, HEIGHT)
    assert corners[-1] == (WIDTH, HEIGHT)


def test_empty_bins_at_the_ends_are_cut_off_but_for_one() -> None:
    counts = [0] * 100
    counts[40], counts[60] = 3, 1
    html = histogram("A title.", [i / 100 for i in range(101)], [Series("one", counts)], unit="score")
    ticks = [float(text) for text in re.findall(r"%\">([\d.]+)</span>", html)]
    assert min(ticks) >= 0.39
    assert max(ticks) <= 0.62


def test_every_series_has_a_dash_of_its_own_and_the_empty_one_only_a_name() -> None:
    series = [Series("긍정", [1, 1, 0, 0]), Series("none", [0, 0, 0, 0], 1), Series("<b>", [0, 1, 1, 0], 2)]
    html = histogram("A title.", EDGES, series, unit="score")
    assert html.count("<path") == 2
    assert [f"k{i}" in html for i in range(4)] == [True, True, True, False]
    assert "긍정 (2)" in html
    assert "<b>" not in html
    assert "&lt;b&gt;" in html


def test_nothing_to_draw_draws_nothing() -> None:
    assert histogram("A title.", EDGES, [Series("one", [0, 0, 0, 0])], unit="score") == ""


def test_a_mark_stands_where_it_is_asked_for_and_only_within_the_axis() -> None:
    series = [Series("one", [1, 1, 1, 1])]
    assert "left: 25.0%" in histogram("A title.", EDGES, series, unit="score", at=0.25)
    assert 'class="mark"' not in histogram("A title.", EDGES, series, unit="score", at=2.0)


def test_bins_may_be_given_so_that_two_charts_share_their_axis() -> None:
    narrow, wide = Series("one", [0, 1, 0, 0]), Series("two", [1, 1, 1, 1])
    bins = used_bins([narrow, wide])
    assert bins == (0, 4)
    ticks = [
        re.findall(r"%\">([\d.]+)</span>", histogram("t", EDGES, [one], unit="", bins=bins)) for one in (narrow, wide)
    ]
    assert ticks[0] == ticks[1]
    assert ticks[0] != re.findall(r"%\">([\d.]+)</span>", histogram("t", EDGES, [narrow], unit=""))
