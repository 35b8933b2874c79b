"""SQuAD's nesting of articles, paragraphs and questions."""

import json

import pytest

from embedtune.data.formats.shared.find import read_part
from embedtune.data.sources.tables import open_table
from embedtune.errors import DataError


def test_each_question_has_its_paragraph(put) -> None:
    asked = [{"question": "a?", "answers": []}, {"question": "b?", "is_impossible": True, "answers": []}]
    article = {"title": "T", "paragraphs": [{"context": "first", "qas": asked}, {"context": "second", "qas": []}]}
    part = read_part(open_table(put("squad.json", json.dumps([article, article], indent=1))), {})
    assert (part.content.anchors, part.content.positives) == (["a?", "a?"], ["first", "first"])
    assert part.said[1].endswith("2 questions that no paragraph answers left out")


def test_other_shapes_are_faults(put, lines) -> None:
    with pytest.raises(DataError, match="'qas' must be a list of objects"):
        read_part(open_table(put("squad.jsonl", lines([{"paragraphs": [{"context": "x", "qas": "y"}]}]))), {})
