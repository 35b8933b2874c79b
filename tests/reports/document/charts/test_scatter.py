"""The map: every dot, its colour, and the number of each group in its middle."""

import re

from embedtune.reports.document.charts.scatter import SIDE, scatter


def test_dots_have_places_colours_and_groups_have_numbers():
    drawn = str(scatter("<Map>", [0.0, 1.0, 0.5], [0.0, 1.0, 0.5], [0, 7, -1]))
    dots = re.findall(r'<circle class="(\w+)" cx="(\d+)" cy="(\d+)"', drawn)
    assert dots == [("k0", "0", f"{SIDE}"), ("k1", f"{SIDE}", "0"), ("alone", f"{SIDE // 2}", f"{SIDE // 2}")]
    assert re.findall(r"<text [^>]*>(\d+)</text>", drawn) == ["0", "7"]
    assert "&lt;Map&gt;" in drawn and "3 dots in 2 groups" in drawn


def test_no_dots_no_figure():
    assert scatter("Map", [], [], []) == ""


def test_a_number_that_would_cover_that_of_a_larger_group_is_left_out():
    drawn = scatter("Map", [0.5, 0.51, 0.9], [0.5, 0.5, 0.5], [0, 1, 2])
    assert [number for number in "012" if f">{number}</text>" in drawn] == ["0", "2"]
