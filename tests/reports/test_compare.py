"""The report of a comparison: the verdict, every metric of every system, and the evidence or what stands for it."""

import io
from dataclasses import replace
from typing import Any

import pytest
from markdown_it import MarkdownIt
from rich.console import Console

from embedtune.reports.compare import comparison, won_and_lost
from embedtune.reports.document.html import page
from embedtune.reports.document.markdown import markdown
from embedtune.reports.document.wording import NO_DIFFERENCE
from embedtune.reports.results.compare import CompareResult


def page_of(result: CompareResult) -> str:
    return page(comparison(result))


def html_of(result: CompareResult) -> str:
    return str(MarkdownIt("commonmark", {"html": True}).enable("table").render(markdown(comparison(result))))


@pytest.mark.parametrize("make", [page_of, html_of])
def test_the_verdict_comes_first_and_every_test_is_there(make: Any, compared: CompareResult) -> None:
    shown = make(compared)
    assert shown.index("Better</h1>") < shown.index("Better: it rose") < shown.index("Differences from A")
    for cell in ("B, nDCG@10", "B, MRR@10", "C, nDCG@10", "+0.125", "+0.062 to +0.250", "&lt; 0.001", "0.500", "0.688"):
        assert cell in shown
    assert "Worse: it fell." in shown
    assert "Holm" in shown


@pytest.mark.parametrize("make", [page_of, html_of])
def test_without_evidence_the_queries_that_changed_most_are_listed(make: Any, compared: CompareResult) -> None:
    shown = make(replace(compared, evidence=()))
    assert "B won on 1 query, lost on 2, tied on 7." in shown
    assert "0.250 → 1.000" in shown and "0.500 → 0.125" in shown
    assert "Recall over k" not in shown


@pytest.mark.parametrize("make", [page_of, html_of])
def test_parts_without_content_are_left_out(make: Any, compared: CompareResult) -> None:
    bare = replace(
        compared,
        seeds={"a": (0.5,), "b": (0.625,)},
        names={"a": ("A",), "b": ("B",)},
        **{"others": (), "metrics": (), "evidence": (), "findings": (), "described": (), "facts": {}},
        **{"most_won": (), "most_lost": ()},
    )
    shown = make(bare)
    for heading in ("Seeds", "Differences from A", "Versions", "What to know", "Largest gains"):
        assert heading not in shown


def test_what_no_difference_means_is_explained_where_it_is_said(compared: CompareResult) -> None:
    assert NO_DIFFERENCE not in page_of(compared)
    tests = ({**compared.metrics[0], "verdict": "no difference shown"},)
    assert "not statistically significant" in page_of(replace(compared, metrics=tests))


def test_what_was_compared_is_counted_in_its_own_words(compared: CompareResult) -> None:
    assert won_and_lost(compared) == "B won on 1 query, lost on 2, tied on 7."
    pairs = replace(compared, won=61, lost=1139, tied=0, items="pairs")
    assert won_and_lost(pairs) == "B won on 61 pairs, lost on 1,139, tied on 0."


@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_comparison_keeps_its_numbers_at_any_width(width: int, compared: CompareResult) -> None:
    lost = ({"query": "q1", "text": "어떤 질문 " * 30, "a": 0.75, "b": 0.125},)
    result = replace(
        compared,
        names={"a": ("one", "two"), "b": ("three",)},
        seeds={"a": (0.25, 0.5), "b": (0.3,)},
        **{"sentence": "Worse: it fell.", "verdict": "worse", "most_won": (), "most_lost": lost},
        **{"others": (), "metrics": (), "findings": ()},
    )
    console = Console(file=io.StringIO(), width=width)
    console.print(result.table())
    text = console.file.getvalue()  # type: ignore[attr-defined]
    for part in ("0.750", "0.125", "Worse: it fell.", "(0.250, 0.500)", "…"):  # a query that is cut says so
        assert part in text
    assert "largest gains" not in text and "report  out/report.html" in text
