"""SQuAD-like rows: the context is the positive; where an answer could be meant as well, that is asked."""

import pytest

from embedtune.data.formats.shared.find import read_part
from embedtune.data.sources.tables import open_table
from embedtune.errors import DataError

ANSWERED = {"id": "1", "title": "T", "context": "It is in a.", "question": "where?"}


def test_answers_are_not_learned_and_questions_without_one_left_out(put, lines) -> None:
    records = [
        {**ANSWERED, "answers": {"text": ["a"], "answer_start": [9]}},
        {**ANSWERED, "question": "why?", "answers": {"text": [], "answer_start": []}},
    ]
    part = read_part(open_table(put("squad.jsonl", lines(records))), {})
    assert (part.content.anchors, part.content.positives) == (["where?"], ["It is in a."])
    assert [(one.code, one.count) for one in part.findings] == [("unanswered-questions", 1)]
    assert "'answers' is not learned" in part.said[0]


def test_one_answer_or_the_context_is_a_question(put, lines) -> None:
    path = put("rows.jsonl", lines([{"question": "where?", "answer": "a", "context": "It is in a."}]))
    with pytest.raises(DataError, match="'answer' and 'context' could both be the positive of 'question'") as caught:
        read_part(open_table(path), {})
    assert str(caught.value.next).startswith("name it: --columns positive=context")
    for column, positive in (("context", "It is in a."), ("answer", "a")):
        assert read_part(open_table(path), {"positive": column}).content.positives == [positive]
