"""DPR's rows: titled passages, hard negatives first."""

import json

import pytest

from embedtune.data.formats.shared.find import read_part
from embedtune.data.sources.tables import open_table
from embedtune.errors import DataError


def row(question: str, **contexts: list) -> dict:
    return {"dataset": "nq", "question": question, "answers": ["x"], **contexts}


def test_an_array_of_questions(put) -> None:
    records = [
        row(
            "who?",
            positive_ctxs=[{"title": "T", "text": "right", "score": 1000, "passage_id": "7"}],
            hard_negative_ctxs=[{"title": "", "text": "hard"}],
            negative_ctxs=[{"title": "", "text": "far"}, {"title": "", "text": "hard"}],
        ),
        row("none?", positive_ctxs=[], hard_negative_ctxs=[], negative_ctxs=[]),
    ]
    part = read_part(open_table(put("train.json", json.dumps(records, indent=4))), {})
    content = part.content
    assert (content.anchors, content.positives, content.negatives) == (["who?"], ["T right"], [("hard", "far")])
    assert [(one.code, one.count) for one in part.findings] == [("queries-without-positive", 1)]
    assert part.said == (f"{content.places[0].rpartition(':')[0]}: columns not used: dataset (always nq), answers",)


def test_a_passage_must_have_a_text(put, lines) -> None:
    with pytest.raises(DataError, match="'positive_ctxs' holds passages without a text, with 'title'"):
        read_part(open_table(put("dpr.jsonl", lines([row("who?", positive_ctxs=[{"title": "T"}])]))), {})
