"""The report of a mining job, as a page and as Markdown: what was found, what was dropped and why, what to change."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

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
from embedtune.reports.document.html import page
from embedtune.reports.document.markdown import markdown
from embedtune.reports.document.wording import duration, memory, mining_summary, sentence
from embedtune.reports.sections.provenance import provenance

REASONS = {
    "known_positive": "known to be relevant to the query",
    "duplicate": "the same text as the query, a positive or a better candidate, but for case and punctuation",
    "same_group": "of the query's own group",
    "range": "outside the range of ranks",
    "min_score": "below the lowest score",
    "max_score": "above the highest score",
    "margin": "too close to the positive's score, or above it (margin)",
    "relative_margin": "too close to the positive's score, or above it (relative margin)",
    "percent_of_positive": "above the percentage of the positive's score",
    "guide": "as good as the positive in the guide's opinion",
    "cross_encoder": "as good as the positive in the cross-encoder's opinion",
}
SCORES = (("positives", "positives"), ("kept", "kept candidates"), ("dropped", "dropped candidates"))
LEADS = (("lead_kept", "kept candidates"), ("lead_dropped", "dropped candidates"))


def mining_page(result: Mapping[str, Any]) -> str:
    """The report as one HTML file.

    Args:
        result: the keys of `embedtune mine --json`.
    """
    return page(mining(result))


def mining_report(result: Mapping[str, Any]) -> str:
    """The same as Markdown, without the charts; ends with a line end."""
    return markdown(mining(result))


def mining(result: Mapping[str, Any]) -> Report:
    """What the report of a mining job says."""
    reason = sentence(result["calibration"]["reason"]) if result["calibration"] else ""
    note = "Of all candidates looked at. Each candidate is counted once, under the first reason that holds."
    ask = "Drawn at random. Would a person call each negative wrong, and each dropped candidate right?"
    examples = [_example(one) for one in result["examples"]]
    blocks: list[Block] = [
        Facts(_facts(result)),
        Section("What to know and what to change", [Findings(result["findings"])]),
        Section("Scores", [*(Figure(chart, None) for chart in _charts(result)), Text(reason)]),
        Section(
            "What was kept and dropped", [Shares(("reason", "candidates"), _reasons(result)), Text(note, quiet=True)]
        ),
        Section("Queries short of negatives", [Table(("negatives found", "queries"), _short(result))]),
        Section("Examples to read", [Text(ask, quiet=True), *examples] if examples else ()),
        Section("How it was made", [Bullets(result["described"]), Table(("", ""), _run(result), numbers=False)]),
        Section("Repeat this job", _repeat(result)),
    ]
    return Report(f"Mined negatives: {result['output']}", "Mined negatives", mining_summary(result), blocks)


def _charts(result: Mapping[str, Any]) -> list[Markup]:
    counts, margin = result["histogram"], _margin(result)
    scores = histogram(
        "Similarity of the queries to their positives and to the candidates in the range.",
        counts["edges"],
        [Series(name, counts[key], kind) for kind, (key, name) in enumerate(SCORES)],
        unit="cosine similarity",
    )
    leads = histogram(
        "How far candidates lie above the positive of their own query; below zero, the positive is nearer.",
        counts["edges"],
        [Series(name, counts[key], kind) for kind, (key, name) in enumerate(LEADS, start=1)],
        unit="the candidate's similarity less the positive's",
        at=None if margin is None else -margin,
    )
    return [scores, leads]


def _margin(result: Mapping[str, Any]) -> float | None:
    """The margin chosen for the job, or None."""
    return result["calibration"]["margin"] if result["calibration"] else None


def _facts(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    names = {"negatives": "negatives", "queries": "queries", "documents": "documents", "queries_short": "queries short"}
    return [(name, f"{result[key]:,}") for key, name in names.items()]


def _reasons(result: Mapping[str, Any]) -> list[tuple[str, int, float]]:
    counts = {"kept": result["kept"], **result["dropped"]}
    return [(REASONS.get(reason, reason), count, result["shares"][reason]) for reason, count in counts.items()]


def _short(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Negatives found, and queries that got so many, below the number asked for."""
    asked = result["asked"]
    return [(f"{found} of {asked}", f"{count:,}") for found, count in enumerate(result["found"][:-1]) if count]


def _run(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    facts = {
        "output": result["output"],
        "ledger of suspicious pairs": result["ledger"],
        "whole command": duration(result["elapsed_s"]),
        "peak memory": memory(result["peak_memory_bytes"]),
    }
    return [(name, str(value)) for name, value in facts.items() if value]


def _example(example: Mapping[str, Any]) -> Example:
    passages = [Passage("positive", f"{example['positive_score']:.3f}", None, example["positive"])]
    passages += [Passage("negative", f"{one['score']:.3f}", None, one["text"]) for one in example["negatives"]]
    passages += [
        Passage("dropped", f"{one['score']:.3f} ({one['reason']})", None, one["text"]) for one in example["dropped"]
    ]
    return Example(example["query"], "", passages)


def _repeat(result: Mapping[str, Any]) -> list[Block]:
    return [
        Text("Save this as mine.yaml and run:"),
        Listing("sh", "embedtune mine mine.yaml"),
        Listing("yaml", str(result["recipe"])),
        *provenance(result["facts"]),
    ]
