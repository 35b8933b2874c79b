"""The mining report: every number it was given is there, every text is only text, in both formats."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from markdown_it import MarkdownIt

from embedtune.reports.document.html import page
from embedtune.reports.document.markdown import markdown
from embedtune.reports.mine import REASONS, mining, summary
from embedtune.reports.results.mine import MinedScores, MineResult


class Tags(HTMLParser):
    """The tags of a page, its text, and the open tags at its end."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        if tag not in ("meta", "path", "line", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture
def result(mined: MineResult) -> MineResult:
    return mined


def test_the_page_is_well_formed_and_texts_stay_texts(result: MineResult) -> None:
    shown = page(mining(result))
    tags = Tags(shown)
    assert tags.open == []
    assert not {"script", "img", "iframe", "a", "link"} & set(tags.tags)
    assert "\x1b" not in shown
    shown = "".join(tags.text)
    for word in ("질문", "정답", "오답", "버림"):
        assert f"{word} <script>alert(1)</script>" in shown


@pytest.mark.parametrize("make", [page, markdown])
def test_every_number_is_there(make: Any, result: MineResult) -> None:
    text = make(mining(result))
    for number in (
        "34",
        "11",
        "1,234",
        "50.0%",
        "10.0%",
        "0.0625",
        "0.750",
        "0.875",
        "1 min 15 s",
        "1.0 GiB",
        "ab" * 32,
    ):
        assert number in text
    for reason in result.dropped:
        assert REASONS[reason].partition("'")[0] in text
    assert "0 of 4" in text
    assert "1 of 4" not in text
    assert "4 of 4" not in text


def test_the_markdown_shows_texts_as_they_are(result: MineResult) -> None:
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(markdown(mining(result)))
    assert not re.search(r"<(script|img)", html)
    assert "&lt;script&gt;" in html
    assert "\x1b" not in html


def test_the_margin_is_marked_where_it_stands(result: MineResult) -> None:
    shown = page(mining(result))
    assert "left: 46.88%" in shown  # of an axis from -1 to 1
    assert "The dotted line is at -0.0625." in shown


@pytest.mark.parametrize("make", [page, markdown])
def test_a_job_with_nothing_to_show_has_a_report_too(make: Any, result: MineResult) -> None:
    bins = dict.fromkeys(("positives", "kept", "dropped", "lead_kept", "lead_dropped"), (0, 0))
    empty = replace(
        result,
        **{"calibration": None, "examples": (), "findings": (), "found": (0, 0, 0, 0, 11), "queries_short": 0},
        histogram=MinedScores((0.0, 0.5, 1.0), **bins),
    )
    text = make(mining(empty))
    assert "Examples" not in text
    assert "short of" not in text
    assert "got fewer" not in text


def test_every_reason_has_words() -> None:
    from embedtune.mining.filters import REASONS as KNOWN

    assert set(KNOWN) - {"kept", "padding"} == set(REASONS)


def test_the_summary_counts_queries_that_are_short_only_where_there_are_some(result: MineResult) -> None:
    assert summary(result) == "34 negatives for 11 queries out of 1,234 documents; 3 queries got fewer than 4."
    assert summary(replace(result, negatives=1, queries_short=0)) == "1 negative for 11 queries out of 1,234 documents."


def test_it_prints_as_its_table_with_every_file(result: MineResult) -> None:
    text = str(result)
    assert "known positive" in text and "10.0%" in text and "34 negatives for 11 queries" in text
    assert text.endswith("report  out/<결과>.report.html") and "ledger  out/<결과>.ledger.jsonl" in text
