"""The report of a map between two spaces: whether to use it, what it keeps, and how to use it."""

from collections.abc import Collection

from rich.console import Group, RenderableType
from rich.text import Text as TerminalText

from embedtune.reports.document.blocks import Block, Bullets, Findings, Listing, Report, Section, Table, Text
from embedtune.reports.document.terminal import findings_below, places, plain_table, verdict_line
from embedtune.reports.document.wording import duration
from embedtune.reports.results.adapt import AdaptResult
from embedtune.reports.sections.provenance import provenance

HEADER = ("way", "Recall@10", "nDCG@10", "first ten found")
USE = """import numpy as np
from safetensors.numpy import load_file

weights = load_file({matrix!r})
mapped = vectors @ weights["weight"]
if "inner" in weights:
    mapped += np.maximum(vectors @ weights["inner"], 0) @ weights["outer"]
mapped /= np.linalg.norm(mapped, axis=1, keepdims=True)"""


def table(result: AdaptResult, reported: Collection[str] = ()) -> RenderableType:
    """The advice, every way to search, the findings, and where everything is."""
    shown = _ways(result)
    parts: list[RenderableType] = [
        plain_table(shown.header, shown.rows),
        TerminalText(),
        verdict_line(result.sentence, "" if result.usable else "worse"),
        TerminalText(_map_sentence(result)),
    ]
    where = {"matrix": result.matrix, "model": result.model, "report": result.report}
    return Group(*parts, *findings_below(result.findings, reported), *places(where))


def adapting(result: AdaptResult) -> Report:
    """What the report of a map says."""
    word = f"{result.recall_kept:.0%} kept" if result.usable else "Do not use it"
    cosines = [(kind, f"{value:.4f}") for kind, value in result.cosines.items()]
    blocks: list[Block] = [
        Section("Ways to search", [_ways(result), Text(_map_sentence(result)), Text(result.verdict.sentence)]),
        Section("Kinds of map", [Table(("kind", "mean cosine on held-out texts"), cosines)]),
        Section("Use the map", [Listing("python", USE.format(matrix=result.matrix)), Text(_model_sentence(result))]),
        Section("What to know", [Findings(result.findings)]),
        Section("Data", [Bullets(result.described)]),
        Section("Versions and data", provenance(result.facts)),
    ]
    verdict = "" if result.usable else "worse"  # what is kept is no gain
    return Report(f"{word}: {result.output}", word, result.sentence, blocks, verdict=verdict)


def _ways(result: AdaptResult) -> Table:
    rows = [
        (
            row["way"],
            "" if row["recall"] is None else f"{row['recall']:.3f}",
            "" if row["ndcg"] is None else f"{row['ndcg']:.3f}",
            f"{row['overlap']:.3f}",
        )
        for row in result.ways
    ]
    return Table(HEADER, rows)


def _map_sentence(result: AdaptResult) -> str:
    low, high = result.interval
    return (
        f"{result.side.capitalize()} are mapped ({result.kind}, fitted on {result.fitted_on:,} texts); kept: "
        f"{result.recall_kept:.1%}, 95% interval {low:.1%} to {high:.1%}; {result.elapsed_us_per_query:.1f} µs per "
        f"vector in a batch. Tested in {duration(result.elapsed_s)}."
    )


def _model_sentence(result: AdaptResult) -> str:
    if not result.model:
        return ""
    return f"{result.model} is the encoder with the map behind it, for sentence-transformers."
