from embedtune.data.rows import RawTexts
from embedtune.data.views.single import pairs


def test_each_text_is_there_once() -> None:
    rows = pairs(RawTexts(["a", "b", "c", "d"], ["f:1", "f:2", "f:3", "f:4"]))
    assert sorted([*rows.anchors, *rows.positives]) == ["a", "b", "c", "d"]
    assert (rows.anchors, rows.positives, rows.places) == (["a", "c"], ["b", "d"], ["f:1", "f:3"])


def test_a_last_text_alone_is_read_as_both() -> None:
    rows = pairs(RawTexts(["a", "b", "c"]))
    assert (rows.anchors, rows.positives) == (["a", "c"], ["b", "c"])
