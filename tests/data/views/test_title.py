import pytest

from embedtune.data.rows import RawTexts
from embedtune.data.views.title import pairs
from embedtune.errors import DataError


def test_a_title_asks_for_its_text() -> None:
    rows = pairs(RawTexts(["본문 하나", "제목 둘", "본문 셋"], titles=["제목 하나", "제목 둘", ""]))
    assert (list(rows.anchors), list(rows.positives)) == (["제목 하나"], ["본문 하나"])


def test_without_titles_there_is_nothing_to_ask_with() -> None:
    with pytest.raises(DataError, match="no text has a title") as caught:
        pairs(RawTexts(["가", "나"]))
    assert "--columns title=COLUMN" in caught.value.next
