"""The report of an export: what it was measured to do, and how to use it."""

from collections.abc import Collection

from rich.console import Group, RenderableType
from rich.text import Text as TerminalText

from embedtune.reports.document.blocks import Block, Bullets, Facts, Findings, Listing, Report, Section, Text
from embedtune.reports.document.terminal import findings_below, places, plain_table, verdict_line
from embedtune.reports.document.wording import duration
from embedtune.reports.results.export import ExportResult
from embedtune.reports.sections.provenance import provenance

OWN_SPACE = (
    "Its vectors lie in a space of their own: make the index with it too. Token vectors cannot do all that the encoder "
    "does; the figures say what that costs."
)
EXAMPLE = """python {output}/example.py
"""
USE = """embedtune evaluate --model {output} --data SET
embedtune search --model {output} --data SET"""


def table(result: ExportResult, reported: Collection[str] = ()) -> RenderableType:
    """What was made, what was measured, and where it is."""
    parts: list[RenderableType] = [
        plain_table(("", result.model), _facts(result)),
        TerminalText(),
        verdict_line(result.parity["sentence"], ""),
        *([TerminalText(OWN_SPACE)] if result.own_space else []),
    ]
    where = {"output": result.output, "file": result.file, "report": result.report}
    return Group(*parts, *findings_below(result.findings, reported), *places(where))


def exporting(result: ExportResult) -> Report:
    """What the report of an export says."""
    word = f"{result.model} as {result.target}, {result.precision}"
    blocks: list[Block] = [
        Facts(_facts(result)),
        Text(OWN_SPACE if result.own_space else ""),
        Section("Use it", [Text(_use(result)), Listing("sh", _commands(result))]),
        Section("What to know", [Findings(result.findings)]),
        Section("Data", [Bullets(result.described)]),
        Section("Versions and data", provenance(result.facts)),
    ]
    return Report(f"{word}: {result.output}", word, result.parity["sentence"], blocks)


def _use(result: ExportResult) -> str:
    if result.target == "static":
        return f"{result.output} loads with model2vec, sentence-transformers and embedtune."
    return f"The example answers a query; it needs only {result.runs_on}."


def _commands(result: ExportResult) -> str:
    lines = USE if result.target == "static" else EXAMPLE + USE
    return lines.format(output=result.output)


def _facts(result: ExportResult) -> list[tuple[str, str]]:
    found = result.parity
    rows = [
        ("made", f"{result.target}, {result.precision}, {result.bytes / 1e6:,.1f} MB, {result.dimensions} dimensions"),
        ("needs", result.runs_on),
    ]
    if found["vectors"] is not None:
        rows.append(("largest difference of a component", f"{found['vectors']:.1e} over {found['texts']:,} texts"))
        rows.append(("lowest cosine with the encoder's vector", f"{found['cosine']:.5f}"))
    if found["difference"] is not None:
        low, high = found["interval"]
        rows.append(("nDCG@10 of the encoder", f"{found['before']:.4f} over {found['queries']:,} queries"))
        rows.append(("nDCG@10 of the export", f"{found['after']:.4f}"))
        rows.append(("difference", f"{found['difference']:+.4f} ({low:+.4f} to {high:+.4f}, 90% interval)"))
    return [*rows, ("took", duration(result.elapsed_s))]
