import pytest

from embedtune.data.sources.columns import label_of, match, refuse_twice, text_of
from embedtune.data.sources.problems import Problems
from embedtune.errors import DataError

ROLES = {"anchor": ("anchor", "query"), "positive": ("positive", "answer"), "negative": ("negative", r"negative_\d+")}


def test_names_decide_and_order_does_not() -> None:
    forward = match(ROLES, ["answer", "query"], {})
    assert forward == match(ROLES, ["query", "answer"], {}) == {"anchor": ("query",), "positive": ("answer",)}


def test_a_chosen_column_plays_no_other_role() -> None:
    found = match(ROLES, ["query", "answer", "reply"], {"anchor": "answer", "positive": "reply"})
    assert found == {"anchor": ("answer",), "positive": ("reply",)}


def test_numbered_columns() -> None:
    found = match(ROLES, ["negative_1", "negative_12", "negative_score"], {})
    assert found == {"negative": ("negative_1", "negative_12")}


def test_a_role_given_twice_is_refused_unless_it_may_be() -> None:
    refuse_twice({"negative": ("negative_1", "negative_2")}, ["negative"], "a.csv")
    with pytest.raises(DataError, match=r"'query' and 'anchor'") as caught:
        refuse_twice({"anchor": ("query", "anchor")}, ["negative"], "a.csv")
    assert "--columns anchor=query" in str(caught.value.next)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("", "is empty"),
        (" \u3000\t\n", "is empty"),
        (None, "nothing (null)"),
        (3, "a number (3)"),
        (True, "a truth value"),
        (["a"], "a list"),
        ("a\0b", "NUL"),
        ("half \ud83d", "half a character"),
    ],
)
def test_unusable_texts_are_noted(value, words) -> None:
    problems = Problems("a")
    assert text_of(value, "positive", "a:1", problems) is None
    assert problems.count == 1
    assert "'positive'" in problems.kept[0][1]
    assert words in problems.kept[0][1]


@pytest.mark.parametrize("text", ["a", "한글", "\u1112\u1161\u11ab", "😀", " padded "])
def test_usable_texts_come_back_as_they_were_written(text) -> None:
    problems = Problems("a")
    assert text_of(text, "anchor", "a:1", problems) == text
    assert problems.count == 0


def test_classes_may_be_numbers_but_not_nothing() -> None:
    problems = Problems("a")
    assert label_of({"label": 0}, "label", "a:1", problems) == "0"
    assert label_of({"label": ""}, "label", "a:2", problems) is None
    assert label_of({}, "label", "a:3", problems) is None
    assert problems.count == 2


def test_classes_that_cannot_be_written_are_refused() -> None:
    problems = Problems("a")
    assert label_of({"label": "half \ud83d"}, "label", "a:1", problems) is None
    assert "half a character" in problems.kept[0][1]
    assert label_of({"label": "둘"}, "label", "a:2", problems) == "둘"
