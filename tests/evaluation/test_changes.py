"""Which documents explain that a query was won or lost."""

from embedtune.evaluation.changes import DOCUMENTS, TEXT, changed_places


def test_a_relevant_document_and_those_that_stood_above_it() -> None:
    before = {"소음": 1, "other": 2, "still": 3, "answer": 4, "below": 5}
    after = {"answer": 1, "other": 2, "still": 3, "소음": 4, "new": 5}
    shown = changed_places(before, after, {"answer": 2, "still": 0}, {"answer": "답" * 700, "소음": "아님"})
    assert [(one.document, one.grade, one.rank_a, one.rank_b) for one in shown] == [
        ("answer", 2, 4, 1),
        ("소음", 0, 1, 4),
    ]  # what did not move says nothing, and what stood below explains nothing
    assert shown[0].text == "답" * TEXT and shown[1].text == "아님"


def test_moves_at_the_top_count_more_and_no_more_than_four_are_shown() -> None:
    before = {f"d{i}": i for i in range(1, 41)}
    after = {**before, "d1": 3, "d2": 1, "d3": 2, "d40": 20, "d20": 40}
    grades = {"d40": 1, "d41": 1}
    after["d41"] = 41
    shown = changed_places(before, after, grades, {})
    assert [one.document for one in shown] == ["d40", "d41", "d1", "d2"]
    assert len(shown) == DOCUMENTS
    assert shown[1].rank_a is None and shown[1].text is None


def test_a_relevant_document_that_a_ranking_lost() -> None:
    shown = changed_places({"right": 1}, {"x": 1, "y": 2}, {"right": 1}, {})
    assert [(one.document, one.rank_a, one.rank_b) for one in shown] == [
        ("right", 1, None),
        ("x", None, 1),
        ("y", None, 2),
    ]


def test_without_judgments_what_moved_most_is_shown() -> None:
    shown = changed_places({"a": 1, "b": 2, "c": 3}, {"b": 1, "a": 2, "c": 3}, None, {})
    assert [(one.document, one.grade) for one in shown] == [("a", None), ("b", None)]
