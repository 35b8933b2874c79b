"""Lines: every value stands where it belongs, gaps stay gaps, and what is drawn can be heard."""

import re

import pytest

from embedtune.reports.document.charts.axis import HEIGHT, WIDTH
from embedtune.reports.document.charts.lines import Line, line_chart


def paths(html: str) -> list[list[tuple[str, float, float]]]:
    """Pen and place of every point of every line."""
    drawn = re.findall(r'<path class="line k\d" d="([^"]+)"', html)
    return [[(pen, float(x), float(y)) for pen, x, y in re.findall(r"([ML])([\d.]+) ([\d.]+)", path)] for path in drawn]


def test_values_stand_over_their_places() -> None:
    html = line_chart("A title", [0, 1, 4], [Line("one", [0.0, 0.25, 1.0])], unit="step", bounds=(0, 1))
    assert paths(html) == [[("M", 0, HEIGHT), ("L", WIDTH / 4, HEIGHT * 3 / 4), ("L", WIDTH, 0)]]


def test_what_was_not_measured_is_a_gap_and_a_lone_value_a_dot() -> None:
    html = line_chart("A title", [1, 2, 3, 4, 5], [Line("one", [1.0, 2.0, None, 4.0, None])], unit="step")
    (points,) = paths(html)
    assert [pen for pen, _, _ in points] == ["M", "L", "M"]
    assert [x for _, x, _ in points] == [0, WIDTH / 4, WIDTH * 3 / 4]
    assert re.search(r"M750.0 [\d.]+h0\"", html)


def test_places_go_by_ratio_on_a_log_axis() -> None:
    html = line_chart("A title", [1, 10, 100], [Line("one", [0.0, 0.5, 1.0])], unit="k", log=True)
    assert [x for _, x, _ in paths(html)[0]] == [0, WIDTH / 2, WIDTH]


def test_lines_without_values_are_not_drawn_and_nothing_at_all_without_any() -> None:
    empty = Line("none", [None, None])
    html = line_chart("A title", [1, 2], [Line("<b>하나", [1.0, 2.0]), empty], unit="step")
    assert len(paths(html)) == 1
    assert "&lt;b&gt;하나: 1 at first, 2 at last" in html
    assert "none: nothing measured" in html
    assert line_chart("A title", [1, 2], [empty], unit="step") == ""


def test_one_place_and_flat_lines_can_be_drawn() -> None:
    html = line_chart("A title", [7], [Line("one", [0.0])], unit="step", at=7)
    assert [x for _, x, _ in paths(html)[0]] == [WIDTH / 2]
    assert 'class="mark" style="left: 50.0%"' in html


@pytest.mark.parametrize("count", [2, 6, 8])
def test_every_line_has_a_dash_of_its_own_until_six(count: int) -> None:
    html = line_chart("A title", [1, 2], [Line(f"{i}", [1.0, 2.0]) for i in range(count)], unit="step")
    kinds = re.findall(r'<path class="line (k\d)"', html)
    assert len(kinds) == count
    assert len(set(kinds)) == min(count, 6)
