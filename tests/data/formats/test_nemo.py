"""NeMo's rows: documents as texts or objects, and refused where they are only ids."""

import pytest

from embedtune.data.formats.shared.find import read_part
from embedtune.data.sources.tables import open_table
from embedtune.errors import DataError


def test_documents_are_texts_lists_or_objects(put, lines) -> None:
    records = [
        {"query": "a?", "pos_doc": ["x", "y"], "neg_doc": ["n", "m"]},
        {"query": "b?", "pos_doc": "z", "neg_doc": []},
        {"query": "c?", "pos_doc": [{"text": "body", "title": "Head"}], "neg_doc": [{"text": "n"}]},
    ]
    part = read_part(open_table(put("nemo.jsonl", lines(records))), {})
    assert part.unit == "pairs from NeMo rows"
    assert part.content.anchors == ["a?", "a?", "b?", "c?"]
    assert part.content.positives == ["x", "y", "z", "Head body"]
    assert part.content.negatives == [("n", "m"), ("n", "m"), (), ("n",)]
    assert [place.rpartition(":")[2] for place in part.content.places] == ["1", "1", "2", "3"]


def test_a_query_without_a_positive_is_left_out_and_counted(put, lines) -> None:
    records = [{"query": "a?", "pos_doc": ["x"], "neg_doc": []}, {"query": "b?", "pos_doc": [], "neg_doc": ["n"]}]
    path = put("nemo.jsonl", lines(records))
    part = read_part(open_table(path), {})
    assert part.content.anchors == ["a?"]
    assert [(one.code, one.count, one.examples) for one in part.findings] == [
        ("queries-without-positive", 1, (f"{path}:2",))
    ]


def test_ids_without_texts_are_refused_with_the_way_out(put, lines) -> None:
    path = put("nemo.jsonl", lines([{"query": "a?", "pos_doc": [{"id": "1"}], "neg_doc": []}]))
    with pytest.raises(DataError, match="'pos_doc' names passages by id; their texts are needed") as caught:
        read_part(open_table(path), {})
    assert caught.value.where == f"{path}:1"
    assert "BEIR folder" in str(caught.value.next)


def test_lists_written_as_text_are_refused(put) -> None:
    path = put("nemo.csv", "query,pos_doc,neg_doc\na?,x,\"['n', 'm']\"\n")
    with pytest.raises(DataError, match="'neg_doc' contains a list written as text"):
        read_part(open_table(path), {})
