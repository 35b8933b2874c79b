"""What is odd about data, said aloud."""

from embedtune.findings import Finding
from embedtune.reports.document.wording import said
from embedtune.workflows.shared.talk import tell_findings

SEEN = Finding("seen", "note", 1, "1 query stands in training.", "Remove them.")
NEAR = Finding("near", "warning", 7, "질문 7개가 비슷합니다.", "Remove them.")
FEW = Finding("few", "warning", 3, "only 3 queries")


def test_a_note_is_a_fact_and_the_rest_are_warnings(listener) -> None:
    tell_findings(listener, [FEW, SEEN])
    assert (listener.said, listener.warned) == ([said(SEEN)], ["only 3 queries"])


def test_one_advice_for_several_in_a_row_stands_after_the_last(listener) -> None:
    tell_findings(listener, [SEEN, NEAR, FEW, SEEN])
    assert listener.said == [SEEN.message, said(SEEN)]
    assert listener.warned == [said(NEAR), FEW.message]
