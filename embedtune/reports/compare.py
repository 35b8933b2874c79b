"""The report of a comparison: is B better than A, by how much, and on which queries."""

from collections.abc import Collection, Iterable, Sequence

from rich.console import Group, RenderableType
from rich.table import Table as TerminalTable
from rich.text import Text as TerminalText

from embedtune.evaluation.metrics import metric_label
from embedtune.findings import counted, singular
from embedtune.reports.document.blocks import (
    Block,
    Bullets,
    Example,
    Figure,
    Findings,
    Report,
    Section,
    Table,
    Text,
)
from embedtune.reports.document.charts.intervals import Interval, interval_chart
from embedtune.reports.document.printable import printable
from embedtune.reports.document.terminal import bare_table, findings_below, places, plain_table, verdict_line
from embedtune.reports.document.wording import difference_cells, explained
from embedtune.reports.results.base import MetricTest
from embedtune.reports.results.compare import ChangedQuery, CompareResult, SystemVerdict
from embedtune.reports.sections.evidence import evidence_sections
from embedtune.reports.sections.provenance import provenance

HOLM_ROWS = "The p-values are adjusted for all rows (Holm's method); the intervals are not."


def table(result: CompareResult, reported: Collection[str] = ()) -> RenderableType:
    """The verdict on B, every test, the queries that changed most, the findings, and where the report is."""
    parts: list[RenderableType] = [
        TerminalText(f"{key.upper()}  {printable(', '.join(names))}{_means(result.seeds[key])}")
        for key, names in result.names.items()
    ]
    parts += [TerminalText(), verdict_line(result.sentence, result.verdict), TerminalText(won_and_lost(result))]
    header, tests = difference_rows(result)
    if len(tests) > 1:
        narrow = [(*row[:4], *row[5:]) for row in (header, *tests)]  # a terminal has no room for the intervals
        parts += [TerminalText(), plain_table(narrow[0], narrow[1:]), TerminalText(HOLM_ROWS)]
    for heading, rows in (("largest gains", result.most_won), ("largest losses", result.most_lost)):
        cells = [(f"{row['a']:.3f}", f"{row['b']:.3f}", row["text"] or row["query"]) for row in rows]
        parts += [TerminalText(), _query_table(heading, cells)] if cells else []
    return Group(*parts, *findings_below(result.findings, reported), *places({"report": result.report}))


def _means(means: Sequence[float]) -> str:
    """The mean of each seed, where there are several."""
    return f" ({', '.join(f'{mean:.3f}' for mean in means)})" if len(means) > 1 else ""


def _query_table(heading: str, rows: Iterable[tuple[str, str, str]]) -> TerminalTable:
    shown = bare_table()
    for name in "AB":
        shown.add_column(name, justify="right", no_wrap=True)
    shown.add_column(heading)  # the only one that gives way where there is little room
    for a, b, text in rows:
        shown.add_row(a, b, TerminalText(printable(text), no_wrap=True, overflow="ellipsis"))
    return shown


def comparison(result: CompareResult) -> Report:
    """What the report of a comparison says."""
    names = {key: ", ".join(found) for key, found in result.names.items()}
    evidence = [section for one in result.evidence for section in evidence_sections(one)]
    word = result.verdict.capitalize()
    blocks: list[Block] = [
        Bullets([f"{key.upper()}: {name}" for key, name in names.items()]),
        Section("Differences from A", _differences(result)),
        Section("Seeds", [_seeds(result)]),
        Section("What to know", [Findings(result.findings)]),
        *(evidence or _changes(result)),
        Section("Data", [Bullets(result.described)]),
        Section("Versions and data", provenance(result.facts)),
    ]
    return Report(f"{word}: {names['b']} against {names['a']}", word, result.sentence, blocks, verdict=result.verdict)


def _differences(result: CompareResult) -> Sequence[Block]:
    """Every metric of every system against A; what is said of the further ones."""
    tests, shown = _tests(result), Table(*difference_rows(result))
    intervals = [Interval(name, one["difference"], *one["interval"]) for name, one in tests]
    drawn = interval_chart("Differences from A with their 95% intervals.", intervals, unit="difference from A")
    further = [one.sentence for one in result.others]
    notes = [HOLM_ROWS if len(shown.rows) > 1 else "", explained(one for _, one in tests)]
    return [Figure(drawn, shown, both=True), Bullets(further), *(Text(note, quiet=True) for note in notes)]


def difference_rows(result: CompareResult) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Header and cells of the table of every metric of every system against A."""
    rows: list[tuple[str, ...]] = [
        (name, f"{one['a']:.3f}", f"{one['b']:.3f}", *difference_cells(one)) for name, one in _tests(result)
    ]
    return ("against A", "A", "other", "difference", "95% interval", "p", "verdict"), rows


def _tests(result: CompareResult) -> list[tuple[str, MetricTest]]:
    """Every test with its name."""
    return [
        (f"{key.upper()}, {metric_label(one['metric'])}", one)
        for key, verdict in zip(list(result.names)[1:], result.verdicts, strict=True)
        for one in verdict.metrics
    ]


def _seeds(result: CompareResult) -> Table:
    """The mean of each seed, where there are several."""
    seeds = result.seeds
    most = max(map(len, seeds.values()), default=0)
    rows = [
        (f"{place + 1}", *(f"{means[place]:.3f}" if place < len(means) else "" for means in seeds.values()))
        for place in range(most)
    ]
    return Table(("seed", *(key.upper() for key in seeds)), rows if most > 1 else ())


def won_and_lost(verdict: SystemVerdict) -> str:
    """On how many queries, or other items, B was better, worse and equal: `B won on 1 query, lost on 2, tied on 7.`"""
    one = singular(verdict.items)
    return f"B won on {counted(verdict.won, one)}, lost on {verdict.lost:,}, tied on {verdict.tied:,}."


def _changes(result: CompareResult) -> list[Section]:
    """The queries that changed most, where no more is known of them."""
    return [
        Section("Query by query", [Text(won_and_lost(result))]),
        Section("Largest gains", [_change(row) for row in result.most_won]),
        Section("Largest losses", [_change(row) for row in result.most_lost]),
    ]


def _change(row: ChangedQuery) -> Example:
    return Example(row["text"] or row["query"], f"{row['a']:.3f} → {row['b']:.3f}", ())
