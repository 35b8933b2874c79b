"""The leaderboard of runs: a mark says when a gain shows nothing, and the mark is explained."""

from dataclasses import replace

import pytest
from rich.console import Console

from embedtune.reports.results.runs import RunCard, RunsResult
from embedtune.reports.runs import table


@pytest.fixture
def card() -> RunCard:
    return RunCard(
        run="runs/faq",
        state="done",
        model="starter",
        data="faq.csv",
        losses="gist",
        test="a digest",
        tested_on="faq test, 60 queries",
        metric="ndcg@10",
        before=0.5,
        after=0.499,
        difference=-0.001,
        verdict="no difference shown",
    )


def printed(*cards: RunCard) -> str:
    console = Console(width=120)
    with console.capture() as captured:
        console.print(table(RunsResult("runs", cards, disk_bytes=0)))
    return captured.get()


def test_the_mark_of_a_gain_that_shows_nothing_is_explained_once(card: RunCard) -> None:
    shown = printed(card, replace(card, run="runs/other"))
    assert shown.count("-0.001 ?") == 2
    assert shown.count("? no difference shown") == 1


def test_no_mark_no_explanation(card: RunCard) -> None:
    better = replace(card, difference=0.1, verdict="better")
    assert "+0.100" in printed(better) and "?" not in printed(better)
    assert "?" not in printed(RunCard("runs/broken", "interrupted", "starter", "faq.csv", "gist"))
