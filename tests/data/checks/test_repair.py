"""What a cleaned copy changes, removes and leaves."""

import unicodedata
from collections import Counter

from embedtune.data.checks import repair as parts
from embedtune.data.checks import run_checks
from embedtune.data.checks.contradictions import PairCheck
from embedtune.data.checks.repair import Repair
from embedtune.data.rows import LabelledTexts, RawTexts, Rows, ScoredPairs
from embedtune.identity import text_id


def repaired(content, leaked=()):
    pairs = PairCheck()
    run_checks([pairs], [content])
    repair = Repair(pairs, {text_id(text) for text in leaked})
    return repair.apply(content), repair


def test_texts_are_mended_and_counted() -> None:
    garbled = "비밀번호를 바꾸고 싶어요".encode().decode("latin-1")
    rows = Rows([garbled, unicodedata.normalize("NFD", "한글"), "fine"], ["a\x07b", "답", "too\u200b"])
    done, repair = repaired(rows)
    assert [record["anchor"] for record in done.kept] == ["비밀번호를 바꾸고 싶어요", "한글", "fine"]
    assert [record["positive"] for record in done.kept] == ["ab", "답", "too"]
    assert repair.changed == {parts.MENDED: 4}
    assert not done.removed


def test_rows_are_removed_with_place_and_reason() -> None:
    rows = Rows(
        ["q", "q ", "same", "What is asked in the test?", "\u200b", "r"],
        ["p", "P!", "same ", "x", "y", "z"],
        places=[f"f:{i}" for i in range(6)],
    )
    done, repair = repaired(rows, ["What is asked in the test?"])
    assert [(one["place"], one["reason"]) for one in done.removed] == [
        ("f:1", parts.REPEATED),
        ("f:2", parts.SAME),
        ("f:3", parts.LEAKED),
        ("f:4", parts.EMPTY),
    ]
    assert [record["anchor"] for record in done.kept] == ["q", "r"]
    assert repair.removed == Counter(dict.fromkeys((parts.REPEATED, parts.SAME, parts.LEAKED, parts.EMPTY), 1))


def test_scored_pairs_with_a_test_query_on_either_side_are_removed() -> None:
    scored = ScoredPairs(["질문", "a", "b"], ["c", "질문", "d"], [5.0, 0.0, 3.0])
    done, _ = repaired(scored, ["질문"])
    assert [one["reason"] for one in done.removed] == [parts.LEAKED] * 2
    assert [record["sentence1"] for record in done.kept] == ["b"]


def test_negatives_that_are_positives_go_with_their_scores() -> None:
    rows = Rows(["q", "q"], ["p", "o"], [["n", "o", "q"], ["m"]], teacher_scores=[[0.9, 0.1, 0.8, 0.7], [0.5, 0.4]])
    done, repair = repaired(rows)
    assert done.kept[0] == {
        "anchor": "q",
        "positive": "p",
        "negatives": ["n"],
        "positive_score": 0.9,
        "negative_scores": [0.1],
    }
    assert done.kept[1]["negatives"] == ["m"]
    assert repair.changed[parts.NEGATIVES] == 2


def test_rows_with_other_negatives_or_labels_are_no_repetitions() -> None:
    done, _ = repaired(Rows(["q", "q"], ["p", "p"], [["a"], ["b"]]))
    assert len(done.kept) == 2
    done, _ = repaired(LabelledTexts(["t", "t", "T"], ["x", "y", "x"]))
    assert done.kept == [{"text": "t", "label": "x"}, {"text": "t", "label": "y"}]


def test_scores_and_plain_texts_keep_their_fields() -> None:
    done, _ = repaired(ScoredPairs(["a", "a", "c"], ["a", "a", "d"], [5.0, 5.0, 9.0]))
    assert done.kept == [
        {"sentence1": "a", "sentence2": "a", "score": 5.0},
        {"sentence1": "c", "sentence2": "d", "score": 9.0},
    ]
    done, _ = repaired(RawTexts(["글", "글", "other"]))
    assert done.kept == [{"text": "글"}, {"text": "other"}]


def test_repetitions_are_found_across_blocks() -> None:
    pairs = PairCheck()
    repair = Repair(pairs, set())
    assert len(repair.apply(Rows(["q"], ["p"])).kept) == 1
    assert [one["place"] for one in repair.apply(Rows(["Q", "r"], ["p", "p"])).removed] == ["row 2"]
