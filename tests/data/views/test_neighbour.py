import pytest

from embedtune.data.rows import RawTexts
from embedtune.data.views.neighbour import pairs
from embedtune.errors import DataError


def test_passages_of_one_document_follow_each_other() -> None:
    texts = RawTexts(["가", "나", "다", "라"], ["f:1", "f:2", "f:3", "f:4"], documents=[0, 0, 1, 1])
    rows = pairs(texts)
    assert list(zip(rows.anchors, rows.positives, rows.places, strict=True)) == [
        ("가", "나", "f:1"),
        ("다", "라", "f:3"),
    ]


def test_documents_of_one_passage_have_no_neighbours() -> None:
    with pytest.raises(DataError, match="no document has two passages"):
        pairs(RawTexts(["가", "나"]))
