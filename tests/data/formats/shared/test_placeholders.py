import pytest

from embedtune.data.formats.shared.find import read_part
from embedtune.data.sources.tables import open_table


def read(put, lines, records):
    return read_part(open_table(put("a.jsonl", lines(records))), {})


def test_negatives_that_repeat_a_placeholder_are_left_out_with_their_scores(put, lines) -> None:
    records = [
        {"anchor": f"질문 {i}", "positive": f"답 {i}", "negatives": ["nan", f"c{i}"], "scores": [0.9, 0.1, 0.2]}
        for i in range(4)
    ]
    part = read(put, lines, records)
    assert part.content.negatives == [(f"c{i}",) for i in range(4)]
    assert part.content.teacher_scores == [[0.9, 0.2]] * 4
    (finding,) = part.findings
    assert (finding.code, finding.count) == ("empty-further-texts", 4)
    assert "'nan'" in finding.examples[0]


def test_a_single_one_may_be_a_text(put, lines) -> None:
    records = [{"anchor": f"a{i}", "positive": f"b{i}", "negative": "없음" if i == 1 else f"c{i}"} for i in range(4)]
    part = read(put, lines, records)
    assert part.content.negatives[1] == ("없음",)
    assert not part.findings


def test_texts_judged_no_are_negatives_too(put, lines) -> None:
    records = [
        {"query": f"a{i // 2}", "document": "undefined" if i % 2 else f"b{i}", "label": 1 - i % 2} for i in range(8)
    ]
    part = read(put, lines, records)
    assert len(part.content) == 4
    assert not part.content.has_negatives


@pytest.mark.parametrize(
    ("plain", "odd", "kept", "code"),
    [("c", "None", 2, "empty-texts"), (["c"], ["None", "c"], 4, "empty-further-texts")],
)
def test_a_preference_needs_a_rejected_text(put, lines, plain, odd, kept, code) -> None:
    records = [{"anchor": f"a{i}", "chosen": f"b{i}", "rejected": odd if i % 2 else plain} for i in range(4)]
    part = read(put, lines, records)
    assert part.content.negatives == [("c",)] * kept
    assert [finding.code for finding in part.findings] == [code]
