import pytest

from embedtune.data.formats.shared.find import read_part
from embedtune.data.sources.tables import open_table
from embedtune.errors import DataError


def test_the_chosen_text_is_positive_and_the_rejected_ones_are_negatives(put, lines) -> None:
    records = [
        {"anchor": "질문", "chosen": "나은 답", "rejected": "못한 답"},
        {"anchor": "q", "chosen": "good", "rejected": ["bad", "worse"], "weight": 3},
    ]
    part = read_part(open_table(put("a.jsonl", lines(records))), {})
    assert part.unit == "preferences"
    assert list(part.content.positives) == ["나은 답", "good"]
    assert [list(own) for own in part.content.negatives] == [["못한 답"], ["bad", "worse"]]
    assert part.content.weights == [1.0, 3.0]


def test_without_weights_rows_have_none(put, lines) -> None:
    records = [{"prompt": "q", "chosen": "good", "rejected": "bad"}] * 2
    assert read_part(open_table(put("a.jsonl", lines(records))), {}).content.weights is None


def test_weights_come_from_csv_too(put) -> None:
    part = read_part(open_table(put("a.csv", "anchor,chosen,rejected,weight\nq,a,b,2.5\nr,c,d,\n")), {})
    assert part.content.weights == [2.5, 1.0]


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"rejected": []}, "'rejected' is an empty list"),
        ({"rejected": 5}, "'rejected' must be text"),
        ({"weight": -1}, "'weight' must be a number above 0"),
        ({"weight": True}, "'weight' must be a number above 0"),
        ({"chosen": " "}, "'chosen' is empty"),
    ],
)
def test_faults_have_a_place(put, lines, record, message) -> None:
    path = put("a.jsonl", lines([{"anchor": "q", "chosen": "a", "rejected": "b"} | record]))
    with pytest.raises(DataError, match=message) as caught:
        read_part(open_table(path), {})
    assert str(caught.value.where).endswith(":1")
