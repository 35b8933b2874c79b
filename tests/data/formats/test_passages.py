"""Queries with their passages, which are the positives under whatever name."""

import pytest

from embedtune.data.formats.shared.find import read_part
from embedtune.data.sources.tables import open_table


@pytest.mark.parametrize("names", [("query", "passage"), ("question", "context"), ("query", "text"), ("Query", "Body")])
def test_the_passage_is_the_positive(put, lines, names) -> None:
    query, passage = names
    path = put("rows.jsonl", lines([{query: "a?", passage: "b.", "title": "Head"}, {query: "c?", passage: "d."}]))
    part = read_part(open_table(path), {})
    assert (part.content.anchors, part.content.positives) == (["a?", "c?"], ["Head b.", "d."])
    assert part.said == (f"{path}: {passage!r} is the positive of {query!r}",)


def test_texts_with_titles_stay_texts(put, lines) -> None:
    assert read_part(open_table(put("rows.jsonl", lines([{"title": "a", "text": "b"}]))), {}).unit == (
        "texts without pairs"
    )
