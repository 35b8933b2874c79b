"""How texts that are cut are told of."""

from embedtune.models.encode.lengths import Truncation
from embedtune.workflows.shared.truncation import truncation_findings


def test_a_role_whose_texts_are_all_read_has_no_finding() -> None:
    none = Truncation(max_length=64, texts=10, counted=10, cut=0, tokens=400, lost=0)
    some = Truncation(max_length=64, texts=5000, counted=2000, cut=100, tokens=80_000, lost=4000)
    (finding,) = truncation_findings("tiny", {"query": none, "document": some})
    assert (finding.code, finding.severity, finding.count) == ("truncated-texts", "warning", 100)
    assert "a sample of 2,000 documents (5%)" in finding.message
    assert "40 tokens on average (5% of all tokens)" in finding.message


def test_a_few_cut_texts_are_a_note() -> None:
    one = Truncation(max_length=64, texts=1000, counted=1000, cut=1, tokens=30_000, lost=12)
    (finding,) = truncation_findings("tiny", {"query": one})
    assert finding.severity == "note"
    assert "1 of 1,000 queries (under 1%) is longer and loses 12 tokens" in finding.message


def test_one_token_is_one_token() -> None:
    few = Truncation(max_length=8, texts=40, counted=40, cut=40, tokens=360, lost=40)
    (finding,) = truncation_findings("tiny", {"query": few})
    assert "40 of 40 queries (100%) are longer and lose 1 token on average" in finding.message
