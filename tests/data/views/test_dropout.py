from embedtune.data.rows import RawTexts
from embedtune.data.views.dropout import pairs


def test_each_text_is_its_own_positive() -> None:
    rows = pairs(RawTexts(["가", "나"], ["f:1", "f:2"]))
    assert list(rows.anchor_ids) == list(rows.positive_ids)
    assert rows.places == ["f:1", "f:2"]
