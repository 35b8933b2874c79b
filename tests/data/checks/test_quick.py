import pytest

from embedtune.data.checks.duplicates import drop_duplicates
from embedtune.data.checks.quick import check_overlap, check_rows
from embedtune.data.checks.text_faults import VERY_LONG
from embedtune.data.rows import RetrievalSet, Rows


def codes(findings) -> dict[str, int]:
    return {finding.code: finding.count for finding in findings}


def judged(qrels, corpus=("a", "b", "c"), queries=None) -> RetrievalSet:
    queries = queries or {query: f"query {query}" for query in qrels}
    return RetrievalSet("test", queries, {text: f"document {text}" for text in corpus}, qrels)


def test_duplicates_are_dropped_by_identity_of_all_texts() -> None:
    rows = Rows(
        ["q", "q ", "q", "q", "q"],
        ["p", "p", "p", "other", "p"],
        [["n"], ["n"], ["m"], ["n"], []],
        places=["f:1", "f:2", "f:3", "f:4", "f:5"],
    )
    kept, findings = drop_duplicates(rows)
    assert kept.places == ["f:1", "f:3", "f:4", "f:5"]
    assert findings[0].count == 1
    assert findings[0].examples == ("f:2: q",)
    assert drop_duplicates(kept) == (kept, [])


def test_the_same_pair_in_two_classes_is_no_duplicate() -> None:
    assert len(drop_duplicates(Rows(["q", "q"], ["p", "p"], labels=["x", "y"]))[0]) == 2


def test_clean_rows_have_no_findings() -> None:
    assert check_rows(Rows(["질문 하나?", "질문 둘?"], ["답 하나.", "답 둘."], [["다른 답."], []])) == []


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        (Rows(["same  text", "q"], ["same text", "p"]), {"anchor-equals-positive": 1}),
        (Rows(["q", "q"], ["p", "o"], [["o"], ["n"]]), {"positive-also-negative": 1}),
        (Rows(["q", "r"], ["p", "o"], [["o"], ["p"]]), {}),
        (Rows(["q"], ["긴 글 " * VERY_LONG]), {"very-long-texts": 1}),
        (Rows(["?!", "환"], ["p", "답"]), {"near-empty-texts": 1}),
        (Rows(["\u1112\u1161\u11ab\u1100\u1173\u11af", "한글"], ["p", "o"]), {"unnormalised-texts": 1}),
    ],
)
def test_odd_rows(rows, found) -> None:
    assert codes(check_rows(rows)) == found


def test_a_text_in_many_rows_is_counted_once() -> None:
    assert codes(check_rows(Rows(["!", "!", "!"], ["a", "b", "c"]))) == {"near-empty-texts": 1}


def test_swapped_roles() -> None:
    answers = [f"이 서비스는 {i}월부터 신청할 수 있으며 주민센터에서 접수합니다." for i in range(20)]
    questions = [f"{i}월에 되나요?" for i in range(20)]
    assert codes(check_rows(Rows(answers, questions))) == {"roles-look-swapped": 20}
    assert check_rows(Rows(questions, answers)) == []
    # Questions paired with questions (duplicate questions) are nothing odd.
    assert check_rows(Rows([f"정말로 {question}" for question in questions], questions)) == []


def test_unseen_queries_are_those_none_of_whose_documents_was_a_positive() -> None:
    test = judged({"1": {"a": 1}, "2": {"a": 1, "b": 1}, "3": {"b": 2}, "4": {"a": 0, "c": 1}})
    rows = Rows(["x"], ["document  a"])
    assert check_overlap(rows, None, test)[1] == {"3", "4"}


def test_documents_are_seen_by_text_whatever_their_id() -> None:
    test = RetrievalSet("test", {"1": "q"}, {"a": "같은 글"}, {"1": {"a": 1}})
    assert check_overlap(Rows(["x"], ["같은  글"]), None, test)[1] == set()


def test_what_dev_asks_for_counts_as_seen() -> None:
    test = judged({"1": {"a": 1}, "2": {"b": 1}, "3": {"c": 1}})
    dev = judged({"9": {"b": 1, "c": 0}})
    assert check_overlap(Rows(["x"], ["document a"]), dev, test)[1] == {"3"}


def test_negatives_do_not_make_a_document_seen() -> None:
    assert check_overlap(Rows(["x"], ["y"], [["document a"]]), None, judged({"1": {"a": 1}}))[1] == {"1"}


def test_overlap_is_told_with_count_and_share() -> None:
    test = judged(
        {str(i): {"a": 1, "b": 1} for i in range(50)} | {"50": {"c": 1}},
        queries={str(i): f"query {i}" for i in range(51)},
    )
    findings = check_overlap(Rows(["query 3", "x"], ["y", "document a"]), None, test)[0]
    assert codes(findings) == {"test-queries-seen-in-training": 1, "test-documents-seen-in-training": 50}
    message = findings[1].message
    assert "50 of 101 test judgments (50%)" in message
    assert "1 of 51 queries ask for unseen ones only" in message
    assert findings[1].severity == "warning"


@pytest.mark.parametrize(("count", "weak"), [(1, True), (49, True), (50, False)])
def test_few_test_queries_are_weak_evidence(count, weak) -> None:
    test = judged({str(i): {"a": 1} for i in range(count)})
    findings = codes(check_overlap(Rows(["x"], ["y"]), None, test)[0])
    assert findings == ({"weak-test": count} if weak else {})


def test_without_a_test_there_is_nothing_to_overlap() -> None:
    assert check_overlap(Rows(["x"], ["y"]), None, None) == ([], frozenset())
