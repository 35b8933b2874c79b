"""Texts alone, made ready: pieces, copies."""

from embedtune.config.sections.learned_data import DataSection
from embedtune.data.rows import RawTexts
from embedtune.data.texts.pieces import prepare_texts


def test_long_texts_become_passages_that_know_their_document_and_title() -> None:
    text = "첫째 문장은 네 낱말입니다. 둘째 문장도 네 낱말입니다. 셋째 문장도 네 낱말입니다."
    raw = RawTexts([text, "짧은 글"], ["f:1", "f:2"], ["제목", ""], [7, 8])
    texts, said, _ = prepare_texts(raw, DataSection(passage_words=5))
    assert list(texts.documents) == [7, 7, 7, 8]
    assert list(texts.titles) == ["제목", "제목", "제목", ""]
    assert list(texts.places) == ["f:1", "f:1", "f:1", "f:2"]
    assert said == ["cut 2 texts into 4 passages of up to 5 words"]


def test_sentences_and_whole_texts_instead() -> None:
    raw = RawTexts(["하나입니다. 둘입니다."])
    assert list(prepare_texts(raw, DataSection(pieces="sentence"))[0].texts) == ["하나입니다.", "둘입니다."]
    assert list(prepare_texts(raw, DataSection(pieces="text"))[0].texts) == ["하나입니다. 둘입니다."]


def test_copies_are_left_out_and_counted_apart() -> None:
    raw = RawTexts(
        ["Reset it", "환불 안내", "reset IT!", "Reset  it", "환불안내", "other"], [f"f:{n}" for n in range(6)]
    )
    texts, _, findings = prepare_texts(raw, DataSection())
    assert list(texts.texts) == ["Reset it", "환불 안내", "other"]
    assert list(texts.documents) == [0, 1, 5]
    counts = {finding.code: finding.count for finding in findings}
    assert counts == {"duplicate-texts": 1, "near-duplicate-texts": 2}
    assert findings[0].examples == ("f:3: Reset it",)


def test_nothing_but_blanks_leaves_nothing() -> None:
    assert len(prepare_texts(RawTexts([" "]), DataSection())[0]) == 0
