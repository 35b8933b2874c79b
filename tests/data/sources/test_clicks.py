"""Click logs: what was clicked was chosen over what was passed by above it."""

import pytest

from embedtune.data.sources.clicks import read_clicks
from embedtune.data.sources.tables import open_table
from embedtune.errors import DataError


@pytest.fixture
def preferences(put, lines):
    def of(*records, skipped="above"):
        found = read_clicks(open_table(put("clicks.jsonl", lines(records))), skipped)
        return found, {(row["anchor"], row["chosen"], row["rejected"]): row["weight"] for row in found.rows()}

    return of


@pytest.mark.parametrize("clicked", ["다", 2, ["다"], [2]])
def test_a_click_is_chosen_over_what_stood_above_it(preferences, clicked) -> None:
    found, rows = preferences({"anchor": "질문", "shown": ["가", "나", "다", "라"], "clicked": clicked})
    assert rows == {("질문", "다", "가"): 1, ("질문", "다", "나"): 1}
    assert found.said(2) == ("2 preferences from 1 click",)


def test_below_the_click_only_when_asked(preferences) -> None:
    record = {"query": "q", "shown": ["a", "b", "c"], "clicked": "b"}
    assert set(preferences(record)[1]) == {("q", "b", "a")}
    assert set(preferences(record, skipped="all")[1]) == {("q", "b", "a"), ("q", "b", "c")}


def test_two_clicks_are_no_preference_among_themselves(preferences) -> None:
    _, rows = preferences({"anchor": "q", "shown": ["a", "b", "c"], "clicked": [1, "c"]})
    assert set(rows) == {("q", "b", "a"), ("q", "c", "a")}


def test_a_clicked_text_shown_a_second_time_was_not_passed_by(preferences) -> None:
    _, rows = preferences({"anchor": "q", "shown": ["a", "x", "a", "b"], "clicked": ["a", "b"]})
    assert set(rows) == {("q", "b", "x")}


def test_repeats_add_up_and_opposites_cancel(preferences) -> None:
    up = {"anchor": "q", "shown": ["a", "b"], "clicked": "b"}
    down = {"anchor": "q", "shown": ["b", "a"], "clicked": "a"}
    found, rows = preferences(up, up, up, down)
    assert rows == {("q", "b", "a"): 2}
    assert found.contradicted == 2
    assert preferences(up, down)[1] == {}


def test_a_click_on_the_first_text_and_none_at_all_say_nothing(preferences) -> None:
    found, rows = preferences(
        {"anchor": "q", "shown": ["a", "b"], "clicked": 0},
        {"anchor": "q", "shown": ["a", "b"], "clicked": None},
        {"anchor": "q", "shown": ["a", "b"], "clicked": []},
    )
    assert rows == {} and (found.clicks, found.first) == (1, 1)
    assert "1 click skipped nothing and gave no preference" in found.said(0)[1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shown": []}, "'shown' is an empty list; it must name what was shown"),
        ({"shown": "a"}, "'shown' must be a list of texts"),
        ({"shown": ["a", 3]}, "'shown' must be text"),
        ({"clicked": "z"}, "'clicked' must be a text that was shown"),
        ({"clicked": 7}, "'clicked' must be a text that was shown"),
        ({"clicked": True}, "'clicked' must be a text that was shown"),
        ({"anchor": ""}, "'anchor' is empty"),
    ],
)
def test_faults_have_a_place(put, lines, change, message) -> None:
    path = put("clicks.jsonl", lines([{"anchor": "q", "shown": ["a", "b"], "clicked": 1} | change]))
    with pytest.raises(DataError, match=message) as caught:
        read_clicks(open_table(path))
    assert str(caught.value.where).endswith(":1")
