"""Intervals: dots between the ends of their whiskers, and zero where it is."""

import re

import pytest

from embedtune.reports.document.charts.intervals import Interval, interval_chart


def percents(html: str, name: str, what: str = "left") -> list[float]:
    return [float(number) for number in re.findall(rf'class="{name}" style="[^"]*{what}: ([-\d.]+)%', html)]


def test_values_stand_between_their_ends_on_one_axis() -> None:
    intervals = [Interval("가", 0.0, -1.0, 1.0), Interval("<b>", 2.0, 1.0, 3.0)]
    html = interval_chart("A title.", intervals, unit="difference")
    dots, lefts, widths = percents(html, "dot"), percents(html, "whisker"), percents(html, "whisker", "width")
    assert [left + width / 2 for left, width in zip(lefts, widths, strict=True)] == pytest.approx(dots, abs=0.02)
    assert widths[0] == pytest.approx(widths[1], abs=0.02)
    assert percents(html, "against") == [dots[0], dots[0]]
    assert "가: 0.000, -1.000 to 1.000" in html
    assert "&lt;b&gt;" in html


def test_what_they_are_held_against_is_on_the_axis_even_if_no_interval_reaches_it() -> None:
    html = interval_chart("A title.", [Interval("one", 0.75, 0.5, 1.0)], unit="difference")
    assert 0 <= percents(html, "against")[0] < percents(html, "whisker")[0]


def test_without_intervals_nothing_is_drawn() -> None:
    assert interval_chart("A title.", [], unit="difference") == ""
