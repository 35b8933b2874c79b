"""The report of a comparison: the verdict, every metric of every system, and the evidence or what stands for it."""

from typing import Any

import pytest
from markdown_it import MarkdownIt

from embedtune.reports.compare import comparison_page, comparison_report


def html_of(result: dict[str, Any]) -> str:
    return str(MarkdownIt("commonmark", {"html": True}).enable("table").render(comparison_report(result)))


@pytest.mark.parametrize("make", [comparison_page, html_of])
def test_the_verdict_comes_first_and_every_test_is_there(make: Any, compared: dict[str, Any]) -> None:
    shown = make(compared)
    assert shown.index("Better</h1>") < shown.index("Better: it rose") < shown.index("Differences from A")
    for cell in ("B, nDCG@10", "B, MRR@10", "C, nDCG@10", "+0.125", "+0.062 to +0.250", "&lt; 0.001", "0.500", "0.688"):
        assert cell in shown
    assert "C: Worse: it fell." in shown
    assert "Holm" in shown


@pytest.mark.parametrize("make", [comparison_page, html_of])
def test_without_evidence_the_queries_that_changed_most_are_listed(make: Any, compared: dict[str, Any]) -> None:
    shown = make({**compared, "evidence": []})
    assert "B won on 1 query, lost on 2, tied on 7." in shown
    assert "0.250 → 1.000" in shown and "0.500 → 0.125" in shown
    assert "Recall over k" not in shown


@pytest.mark.parametrize("make", [comparison_page, html_of])
def test_parts_without_content_are_left_out(make: Any, compared: dict[str, Any]) -> None:
    kept = ("names", "seeds", "verdict", "sentence", "interval", "won", "lost", "tied")
    bare = {key: compared[key] for key in kept} | {"seeds": {"a": [0.5], "b": [0.625]}, "names": {"a": "A", "b": "B"}}
    shown = make(bare)
    for heading in ("Seeds", "Differences from A", "Versions", "What to know", "Most won"):
        assert heading not in shown
