import pytest

from embedtune.data.formats.shared.find import read_part
from embedtune.data.rows import LabelledTexts
from embedtune.data.sources.tables import open_table
from embedtune.errors import DataError


def test_texts_and_classes(put, lines) -> None:
    records = [{"text": "카드", "label": "card"}, {"text": "계좌", "label": 7}]
    content = read_part(open_table(put("a.jsonl", lines(records))), {}).content
    assert isinstance(content, LabelledTexts)
    assert (content.texts, content.labels) == (["카드", "계좌"], ["card", "7"])


def test_a_row_without_its_class_is_refused(put, lines) -> None:
    records = [{"text": "a", "label": "x"}, {"text": "b", "label": None}, {"text": "", "label": "x"}]
    with pytest.raises(DataError, match="2 problems"):
        read_part(open_table(put("a.jsonl", lines(records))), {})
