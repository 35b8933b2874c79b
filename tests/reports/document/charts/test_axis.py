"""Axes: round numbers at the right places."""

from itertools import pairwise

import pytest

from embedtune.reports.document.charts.axis import HEIGHT, WIDTH, Axis, around, round_ticks


@pytest.mark.parametrize("most", [5, 7])
@pytest.mark.parametrize(("low", "high"), [(0, 1), (-1, 1), (0.2, 0.21), (-5, 900), (0.31, 0.94), (1, 2000), (0, 1e7)])
def test_ticks_are_few_round_and_within(low: float, high: float, most: int) -> None:
    ticks = round_ticks(low, high, most)
    assert 2 <= len(ticks) <= most
    assert all(low <= tick <= high for tick in ticks)
    steps = {round(b - a, 9) for a, b in pairwise(ticks)}
    assert len(steps) == 1
    assert f"{steps.pop():e}"[0] in "125"


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-1.0, 1.0), (0.2, 0.8), (0, 100)])
def test_ends_that_are_round_have_their_ticks(low: float, high: float) -> None:
    ticks = round_ticks(low, high)
    assert (ticks[0], ticks[-1]) == (low, high)


def test_ends_stand_at_the_ends_and_ratios_are_equally_long_on_a_log_axis() -> None:
    axis = Axis(0.5, 2.5)
    assert (axis.x(0.5), axis.x(2.5), axis.y(0.5), axis.y(2.5)) == (0, WIDTH, HEIGHT, 0)
    log = Axis(1, 64, log=True)
    places = [log.place(value) for value in (1, 4, 16, 64)]
    assert [b - a for a, b in pairwise(places)] == pytest.approx([1 / 3] * 3)
    assert [tick.text for tick in Axis(1, 100, log=True).ticks()] == ["1", "2", "5", "10", "20", "50", "100"]


@pytest.mark.parametrize("values", [[3.0], [0.0, 0.0], [-2.0, -2.0], [1e-9, 1.0], [-1.0, 5.0], [1.0, 1.0], [0.5, 1.0]])
def test_an_axis_around_values_holds_them_and_passes_zero_and_one_only_with_them(values: list[float]) -> None:
    axis = around(values)
    assert all(0 <= axis.place(value) <= 1 for value in values)
    assert axis.low < axis.high
    assert axis.low >= 0 or min(values) < 0
    assert axis.high <= 1 or max(values) > 1
