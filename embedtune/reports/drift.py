"""The report on how far two encoders disagree: may old vectors be kept, what changes, which thresholds move."""

from collections.abc import Collection

from rich.console import Group, RenderableType
from rich.text import Text as TerminalText

from embedtune.reports.document.blocks import Block, Bullets, Example, Facts, Findings, Passage, Report, Section, Table
from embedtune.reports.document.terminal import findings_below, places, plain_table, verdict_line
from embedtune.reports.results.drift import DriftResult
from embedtune.reports.sections.provenance import provenance

WORDS = {"keep": "Keep the old vectors", "re-index": "Re-index", "not shown": "Not shown"}
COLOURS = {"keep": "better", "re-index": "worse"}
"""The verdicts in the colours of better and worse."""


def table(result: DriftResult, reported: Collection[str] = ()) -> RenderableType:
    """The figures, the verdict, the thresholds, the findings, and where the report is."""
    shown = _thresholds(result)
    parts: list[RenderableType] = [
        TerminalText(f"A  {result.a}"),
        TerminalText(f"B  {result.b}"),
        TerminalText(),
        verdict_line(result.sentence, COLOURS.get(result.verdict, "")),
        TerminalText(),
        plain_table(("", f"over {result.queries:,} queries"), _facts(result)),
        TerminalText(),
        plain_table(shown.header, shown.rows),
    ]
    return Group(*parts, *findings_below(result.findings, reported), *places({"report": result.report}))


def drifting(result: DriftResult) -> Report:
    """What the report of a drift says."""
    word = WORDS[result.verdict]
    changed = [
        Example(
            one["query"],
            "",
            (Passage("A's first answer", "", None, one["old"]), Passage("B's first answer", "", None, one["new"])),
        )
        for one in result.examples
    ]
    blocks: list[Block] = [
        Bullets([f"A: {result.a}", f"B: {result.b}"]),
        Facts(_facts(result)),
        Section("Thresholds to move", [_thresholds(result)]),
        Section("First answers that change", changed),
        Section("What to know", [Findings(result.findings)]),
        Section("Data", [Bullets(result.described)]),
        Section("Versions and data", provenance(result.facts)),
    ]
    verdict = COLOURS.get(result.verdict, "")
    return Report(f"{word}: {result.b}", word, result.sentence, blocks, verdict=verdict)


def _facts(result: DriftResult) -> list[tuple[str, str]]:
    low, high = result.interval
    return [
        ("first ten documents in common", f"{result.overlap:.1%} ({low:.1%} to {high:.1%})"),
        ("first answer changed", f"{result.changed_first:.1%}"),
        ("scores shifted by", f"{result.score_shift:+.3f}"),
    ]


def _thresholds(result: DriftResult) -> Table:
    rows = [(f"{one['above']:.0%}", f"{one['old']:.3f}", f"{one['new']:.3f}") for one in result.thresholds]
    return Table(("share of ranked documents above", "threshold of A", "threshold of B"), rows)
