"""Reports before they are written: what holds nothing is left out, and every kind of block can be written twice."""

import re

import pytest
from markupsafe import Markup

from embedtune.findings import Finding
from embedtune.reports.document.blocks import (
    Block,
    Bullets,
    Example,
    Facts,
    Figure,
    Figures,
    Findings,
    Listing,
    Matrix,
    Passage,
    Report,
    Section,
    Shares,
    Table,
    Text,
)
from embedtune.reports.document.html import page
from embedtune.reports.document.markdown import markdown

TABLE = Table(("name", "value"), [("하나", "11")])
NOTHING = Markup("")
FULL: list[Block] = [
    Text("a sentence with --margin 0.1"),
    TABLE,
    Bullets(["first"]),
    Facts([("queries", "12")]),
    Shares(("reason", "candidates"), [("kept", 1234, 0.25)]),
    Matrix("chosen", ["가", "b"], [[3, 1], [0, 0]]),
    Listing("yaml", "loss:\n  gist: 1\n"),
    Findings([Finding("x", "note", 1, "a note")]),
    Figure(Markup("<figure>drawn</figure>"), TABLE),
    Figures([Markup("<figure>drawn</figure>")], TABLE),
    Example("청년 월세", "0.1 → 0.9", [Passage("relevant", "rank 9 → 1", True, "월세를 지원합니다")]),
    Section("Below", [Text("deeper")]),
]
EMPTY: list[Block] = [
    Text(""),
    Table(("a",), []),
    Bullets([]),
    Facts([]),
    Shares(("a", "b"), []),
    Matrix("a", [], []),
    Listing("sh", "\n"),
    Findings([]),
    Figure(NOTHING, TABLE),
    Figures([NOTHING, NOTHING], TABLE),
    Section("Nothing", [Text(""), Section("Nor here", [])]),
]


@pytest.mark.parametrize("block", FULL, ids=lambda block: block.kind)
def test_every_kind_of_block_is_written_in_both_ways(block: Block) -> None:
    assert block
    report = Report("title", "heading", "lead", [block])
    bare = Report("title", "heading", "lead")
    for write in (page, markdown):
        assert len(write(report)) > len(write(bare))


@pytest.mark.parametrize("block", EMPTY, ids=lambda block: block.kind)
def test_what_holds_nothing_is_left_out(block: Block) -> None:
    assert not block
    report, bare = Report("title", "heading", "", [Section("Part", [block])]), Report("title", "heading", "")
    for write in (page, markdown):
        assert write(report) == write(bare)


def test_a_matrix_is_shaded_by_the_share_of_its_row() -> None:
    report = Report("t", "h", "", [Matrix("chosen", ["가", "b", "c"], [[3, 1, 0], [0, 0, 0], [0, 0, 5]])])
    shades = [int(shade) for shade in re.findall(r"/ (\d+)%\)", page(report))]
    assert shades == [45, 15, 0, 0, 0, 0, 0, 0, 60]
    assert "| 1 가 | 3 | 1 | 0 |" in markdown(report)


def test_sections_within_sections_have_headings_of_the_next_level() -> None:
    report = Report("title", "heading", "", [Section("One", [Section("Two", [Section("Three", [Text("x")])])])])
    assert "## One\n\n### Two\n\n#### Three\n\nx\n" in markdown(report)
    assert all(f"<h{level}>{name}</h{level}>" in page(report) for level, name in ((2, "One"), (3, "Two"), (4, "Three")))


def test_a_figure_is_drawn_on_a_page_and_told_in_markdown() -> None:
    drawn = Markup("<figure>drawn</figure>")
    only, both = (Report("t", "h", "", [Figure(drawn, TABLE, both=also)]) for also in (False, True))
    assert "drawn" in page(only) and "하나" not in page(only)
    assert "drawn" in page(both) and "하나" in page(both)
    assert "drawn" not in markdown(only) and markdown(only).count("| 하나 | 11 |") == 1


@pytest.mark.parametrize(("verdict", "sign"), [("better", "▲ better"), ("worse", "▼ worse"), ("none", ">none<")])
def test_a_verdict_in_a_table_has_a_sign_besides_its_colour(verdict: str, sign: str) -> None:
    assert sign in page(Report("t", "h", "", [Table(("name", "verdict"), [("a", verdict)])]))
