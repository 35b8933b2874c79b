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


@pytest.mark.parametrize("more", [{"label": 0.5}, {"is_selected": 1}, {"hit": True}, {"hit": "0"}, {"점수": 3}])
def test_a_column_that_may_judge_the_pairs_is_a_question(put, lines, more) -> None:
    path = put("rows.jsonl", lines([{"query": f"{i}?", "passage": f"{i}.", **more} for i in range(3)]))
    with pytest.raises(DataError, match=f"'{next(iter(more))}' may say which pairs of 'query' and 'passage'") as caught:
        read_part(open_table(path), {})
    assert "--columns anchor=query,positive=passage" in str(caught.value.next)


def test_ids_and_categories_do_not_judge(put, lines) -> None:
    records = [{"query": f"{i}?", "passage": f"{i}.", "id": i, "source": "faq", "views": 10 * i} for i in range(3)]
    assert len(read_part(open_table(put("rows.jsonl", lines(records))), {}).content) == 3
