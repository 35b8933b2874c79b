"""Findings in order and in words, and durations."""

import pytest

from embedtune.findings import Finding, by_severity
from embedtune.reports.document.wording import duration, said


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


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0 s"), (59.94, "59.9 s"), (60, "1 min 0 s"), (3600, "1 h 0 min")]
)
def test_durations(seconds, text):
    assert duration(seconds) == text
