"""Findings in order, and what the verdict rests on."""

import pytest

from embedtune.findings import Finding, by_severity
from embedtune.reports.document.wording import basis, duration, said, score_parts, word_and_sentence

SCORES = {"ndcg@10": 0.5}


def test_the_gravest_finding_first_otherwise_in_order():
    findings = [
        Finding(code, severity, 1, "x")
        for code, severity in zip("abcd", ("note", "error", "warning", "error"), strict=True)
    ]
    assert [finding.code for finding in by_severity(findings)] == ["b", "d", "c", "a"]


def test_a_finding_is_a_sentence_and_what_to_do():
    assert said(Finding("a", "note", 1, "It is odd.", "Mend it.")) == "It is odd. Mend it."
    assert said(Finding("a", "note", 1, "it is odd", "mend it")) == "it is odd. mend it"
    assert said(Finding("a", "note", 1, "it is odd")) == "it is odd"


def test_the_unseen_part_stands_apart_only_where_it_is_a_part():
    def headings(before_unseen, unseen_queries):
        parts = score_parts(
            SCORES, SCORES, before_unseen, before_unseen, test_queries=1300, unseen_queries=unseen_queries
        )
        return [heading for heading, _, _ in parts]

    assert headings(SCORES, 104) == ["all test queries (1,300)", "unseen documents only (104)"]
    assert headings(SCORES, 1300) == headings(None, 0) == ["all test queries (1,300)"]
    assert score_parts({}, {}, None, None, test_queries=0, unseen_queries=0) == []


@pytest.mark.parametrize(
    ("test_queries", "unseen_queries", "says"),
    [
        (300, 104, "rests on the unseen part: the other 196 queries ask for documents that were positives in training"),
        (
            300,
            0,
            "All 300 test queries ask for documents that were positives in training or dev: a gain on them may be",
        ),
    ],
)
def test_a_leak_is_said(test_queries, unseen_queries, says):
    assert says in basis(test_queries, unseen_queries)


def test_no_leak_needs_no_words():
    assert basis(300, 300) == basis(0, 0) == ""


def test_a_verdict_in_one_word(verdict):
    assert (
        word_and_sentence(verdict) == word_and_sentence(verdict.as_dict()) == ("no difference shown", verdict.sentence)
    )
    assert word_and_sentence(None)[0] == "no verdict"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0 s"), (59.94, "59.9 s"), (60, "1 min 0 s"), (3600, "1 h 0 min")]
)
def test_durations(seconds, text):
    assert duration(seconds) == text
