import pytest

from embedtune.data.formats.shared.find import read_part
from embedtune.data.sources.tables import open_table
from embedtune.errors import DataError


def test_passages_with_and_without_titles(put, lines) -> None:
    record = {
        "query_id": "1",
        "query": "q",
        "positive_passages": [{"docid": "1", "title": "T", "text": "p1"}, {"docid": "2", "title": "", "text": "p2"}],
        "negative_passages": [{"docid": "3", "text": "n"}],
    }
    rows = read_part(open_table(put("a.jsonl", lines([record]))), {}).content
    assert rows.anchors == ["q", "q"]
    assert rows.positives == ["T p1", "p2"]
    assert rows.negatives == [("n",), ("n",)]


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({"query": "q", "positive_passages": []}, "needs one"),
        ({"query": "q", "positive_passages": ["p"]}, "list of passages"),
        ({"query": "q", "positive_passages": [{"title": "T"}]}, "no passage with a text"),
    ],
)
def test_faults(put, lines, record, words) -> None:
    with pytest.raises(DataError, match=words):
        read_part(open_table(put("a.jsonl", lines([record]))), {})
