"""The report of a mining job: what was found, what was dropped and why, and what to change."""

from collections.abc import Collection

from markupsafe import Markup
from rich.console import Group, RenderableType
from rich.text import Text as TerminalText

from embedtune.findings import counted
from embedtune.reports.document.blocks import (
    Block,
    Bullets,
    Example,
    Facts,
    Figure,
    Findings,
    Listing,
    Passage,
    Report,
    Section,
    Shares,
    Table,
    Text,
)
from embedtune.reports.document.charts.histogram import Series, histogram
from embedtune.reports.document.terminal import findings_below, places, plain_table
from embedtune.reports.document.wording import duration, memory, sentence
from embedtune.reports.results.mine import MinedExample, MineResult
from embedtune.reports.sections.provenance import provenance

REASONS = {
    "known_positive": "known to be relevant to the query",
    "duplicate": "the same text as the query, a positive or a better candidate, ignoring case and punctuation",
    "near_copy": "holds the query or a positive (behind a title, before a suffix), or is part of one",
    "same_group": "in the query's own group",
    "range": "outside the range of ranks",
    "min_score": "below the lowest score",
    "max_score": "above the highest score",
    "margin": "too close to the positive's score, or above it (margin)",
    "relative_margin": "too close to the positive's score, or above it (relative margin)",
    "percent_of_positive": "above the percentage of the positive's score",
    "guide": "as good as the positive according to the guide",
    "cross_encoder": "as good as the positive according to the cross-encoder",
    "teacher": "as good as the positive according to the teacher's file",
}


def table(result: MineResult, reported: Collection[str] = ()) -> RenderableType:
    """What a job kept and dropped, a summary, the findings, and where everything is."""
    counts = {"kept": result.kept, **result.dropped}
    rows = [(name.replace("_", " "), f"{count:,}", f"{result.shares[name]:.1%}") for name, count in counts.items()]
    shown = plain_table(("candidates", "count", "share"), rows)
    files = {"output": result.output, "ledger": result.ledger, "report": result.report}
    below = [*findings_below(result.findings, reported), *places(files)]
    return Group(shown, TerminalText(), TerminalText(summary(result), style="bold"), *below)


def summary(result: MineResult) -> str:
    """What the job found: `10 negatives for 3 queries out of 90 documents; 1 query got fewer than 4.`"""
    ending = f"; {counted(result.queries_short, 'query')} got fewer than {result.asked}" if result.queries_short else ""
    found, asked = counted(result.negatives, "negative"), counted(result.queries, "query")
    return f"{found} for {asked} out of {counted(result.documents, 'document')}{ending}."


def mining(result: MineResult) -> Report:
    """What the report of a mining job says."""
    reason = sentence(result.calibration.reason) if result.calibration else ""
    note = "Shares are of all candidates. Each candidate is counted once, under the first reason that applies."
    ask = "A random sample. Would a person agree that each negative is wrong, and each dropped candidate right?"
    examples = [_example(one) for one in result.examples]
    blocks: list[Block] = [
        Facts(_facts(result)),
        Section("What to know and what to change", [Findings(result.findings)]),
        Section("Scores", [*(Figure(chart, None) for chart in _charts(result)), Text(reason)]),
        Section(
            "What was kept and dropped", [Shares(("reason", "candidates"), _reasons(result)), Text(note, quiet=True)]
        ),
        Section("Queries short of negatives", [Table(("negatives found", "queries"), _short(result))]),
        Section("Examples to read", [Text(ask, quiet=True), *examples] if examples else ()),
        Section("How it was made", [Bullets(result.described), Table(("", ""), _run(result), numbers=False)]),
        Section("Repeat this job", _repeat(result)),
    ]
    return Report(f"Mined negatives: {result.output}", "Mined negatives", summary(result), blocks)


def _charts(result: MineResult) -> list[Markup]:
    found, margin = result.histogram, result.calibration.margin if result.calibration else None
    scores = histogram(
        "Similarity of the queries to their positives and to the candidates in the range.",
        found.edges,
        [
            Series("positives", found.positives, 0),
            Series("kept candidates", found.kept, 1),
            Series("dropped candidates", found.dropped, 2),
        ],
        unit="cosine similarity",
    )
    leads = histogram(
        "How much more similar to the query a candidate is than the positive; below zero, the positive is closer.",
        found.edges,
        [Series("kept candidates", found.lead_kept, 1), Series("dropped candidates", found.lead_dropped, 2)],
        unit="similarity of the candidate minus that of the positive",
        at=None if margin is None else -margin,
    )
    return [scores, leads]


def _facts(result: MineResult) -> list[tuple[str, str]]:
    counts = {
        "negatives": result.negatives,
        "queries": result.queries,
        "documents": result.documents,
        "queries short": result.queries_short,
    }
    return [(name, f"{count:,}") for name, count in counts.items()]


def _reasons(result: MineResult) -> list[tuple[str, int, float]]:
    counts = {"kept": result.kept, **result.dropped}
    return [(REASONS.get(reason, reason), count, result.shares[reason]) for reason, count in counts.items()]


def _short(result: MineResult) -> list[tuple[str, str]]:
    """Negatives found, and how many queries got that few."""
    asked = result.asked
    return [(f"{found} of {asked}", f"{count:,}") for found, count in enumerate(result.found[:-1]) if count]


def _run(result: MineResult) -> list[tuple[str, str]]:
    facts = {
        "output": result.output,
        "ledger of suspicious pairs": result.ledger,
        "total time": duration(result.elapsed_s),
        "peak memory": _memory(result),
    }
    return [(name, str(value)) for name, value in facts.items() if value]


def _memory(result: MineResult) -> str:
    """The peak, and how much of what is resident belongs to files, where the system says so."""
    peak, mapped = memory(result.peak_memory_bytes), result.mapped_memory_bytes
    if mapped is None:
        return peak
    return f"{peak}; of this, {memory(mapped)} at the end were pages of files, which the system takes back when needed"


def _example(example: MinedExample) -> Example:
    passages = [Passage("positive", f"{example.positive_score:.3f}", None, example.positive)]
    passages += [Passage("negative", f"{one.score:.3f}", None, one.text) for one in example.negatives]
    passages += [Passage("dropped", f"{one.score:.3f} ({one.reason})", None, one.text) for one in example.dropped]
    return Example(example.query, "", passages)


def _repeat(result: MineResult) -> list[Block]:
    return [
        Text("Save this as mine.yaml and run:"),
        Listing("sh", "embedtune mine mine.yaml"),
        Listing("yaml", result.recipe),
        *provenance(result.facts),
    ]
