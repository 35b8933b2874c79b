"""Queries with their passages, which are the positives under whatever name."""

import pytest

from embedtune.data.formats.shared.find import read_part
from embedtune.data.sources.tables import open_table
from embedtune.errors import DataError


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


def rows(**more):
    return [
        {"query": f"{i // 2}?", "passage": f"{i}.", **{name: value(i) for name, value in more.items()}}
        for i in range(8)
    ]


def test_what_judges_a_passage_is_used(put, lines) -> None:
    part = read_part(open_table(put("rows.jsonl", lines(rows(label=lambda i: i % 2)))), {})
    assert part.content.positives == ["1.", "3.", "5.", "7."]
    assert list(part.content.negatives) == [("0.",), ("2.",), ("4.",), ("6.",)]


@pytest.mark.parametrize("name", ["is_selected", "hit"])
def test_a_column_that_may_judge_is_a_question(put, lines, name) -> None:
    path = put("rows.jsonl", lines(rows(**{name: lambda i: i % 2})))
    with pytest.raises(DataError, match=f"the column '{name}'") as caught:
        read_part(open_table(path), {})
    assert f"--columns score={name}" in str(caught.value.next)


def test_negatives_of_passages_are_not_lost(put, lines) -> None:
    part = read_part(open_table(put("rows.jsonl", lines(rows(negative=lambda i: f"not {i}.")))), {})
    assert (part.content.positives[0], part.content.negatives[0]) == ("0.", ("not 0.",))


def test_ids_and_categories_do_not_judge(put, lines) -> None:
    records = [{"query": f"{i}?", "passage": f"{i}.", "id": i, "source": "faq", "views": 10 * i} for i in range(3)]
    assert len(read_part(open_table(put("rows.jsonl", lines(records))), {}).content) == 3
