"""What `embedtune check` prints: how long texts are, the findings with examples, what was repaired, the verdict."""

from collections.abc import Collection, Iterable

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from embedtune.data.checks.lengths import Lengths
from embedtune.findings import SEVERITIES, by_severity, counted
from embedtune.models.encode.vocabulary_fit import ScriptShare
from embedtune.reports.document.printable import printable
from embedtune.reports.document.terminal import finding_lines
from embedtune.reports.document.wording import sentence
from embedtune.reports.results.check import CheckResult, CleanedCopy, InBatchNegatives

_BAR = 32  # characters of the longest bar
_VERDICTS = {
    "errors": "This data cannot be used as it is.",
    "warnings": "This data can be used; look at the warnings first.",
    "notes": "This data can be used.",
    "clean": "No problems found.",
}


def table(result: CheckResult, reported: Collection[str] = ()) -> RenderableType:
    """The histograms, the findings, the copy and the verdict; a check reports no finding before its end."""
    parts: list[RenderableType] = []
    for lengths in result.lengths:
        parts += [Text(length_sentence(lengths), style="bold"), _bars(lengths), Text()]
    if result.in_batch:
        parts += [Text(batch_sentence(result.in_batch)), Text()]
    if result.scripts:
        parts += [Text(script_sentence(result.scripts)), Text()]
    if result.forecast:
        parts += [Text(printable(sentence(result.forecast.message))), Text()]
    for finding in by_severity(result.findings):
        parts += [*finding_lines(finding), Text()]
    if result.fixed:
        parts += [*_fixed(result.fixed), Text()]
    parts.append(Text(verdict_sentence(result), style="bold"))
    return Group(*parts)


def length_sentence(lengths: Lengths) -> str:
    """The lengths of one column in words.

    >>> one = Lengths("anchor", "tokens", texts=9, median=3, p95=8, longest=12, limit=8, cut=1, edges=(), counts=())
    >>> print(length_sentence(one))
    anchor: median 3 tokens, 95% up to 8, longest 12 (9 texts); 11.1% are cut at 8
    """
    cut = f"; {lengths.cut_share:.1%} are cut at {lengths.limit:,}" if lengths.limit else ""
    return (
        f"{lengths.column}: median {counted(lengths.median, lengths.unit[:-1])}, 95% up to {lengths.p95:,}, "
        f"longest {lengths.longest:,} ({counted(lengths.texts, 'text')}){cut}"
    )


def batch_sentence(in_batch: InBatchNegatives) -> str:
    """How many negatives a batch gives.

    >>> batch_sentence(InBatchNegatives(batch_size=256, others=255, usable=251.5, known_share=0.0137))
    'a batch of 256: 251.5 of the 255 other rows can serve an anchor as negatives; 1.4% share its text or class'
    """
    ending = f"; {in_batch.known_share:.1%} share its text or class" if in_batch.known_share >= 0.0005 else ""
    return (
        f"a batch of {in_batch.batch_size:,}: {in_batch.usable:,.1f} of the {in_batch.others:,} other rows "
        f"can serve an anchor as negatives{ending}"
    )


def script_sentence(scripts: Iterable[ScriptShare]) -> str:
    """How the vocabulary fits each script."""
    named = [
        f"{one.script} {one.share:.0%} ({one.unknown:.1%} unknown, {one.single:.0%} single letters)"
        for one in scripts
        if one.share >= 0.01
    ]
    return f"vocabulary pieces by script: {', '.join(named)}"


def verdict_sentence(result: CheckResult) -> str:
    """The verdict with the counts behind it."""
    severities = [finding.severity for finding in result.findings]
    listed = ", ".join(counted(severities.count(name), name) for name in SEVERITIES if name in severities)
    return _VERDICTS[result.verdict] + (f" ({listed})" if listed else "")


def _bars(lengths: Lengths) -> Table:
    bars = Table.grid(padding=(0, 1, 0, 0))
    bars.add_column(justify="right", no_wrap=True)
    bars.add_column(no_wrap=True)
    bars.add_column(justify="right", no_wrap=True)
    edges, counts = lengths.edges, lengths.counts
    most = max(counts, default=0)
    for place, count in enumerate(counts):
        last = place == len(counts) - 1
        longer = last and lengths.longest >= edges[-1]
        top = edges[place + 1] - 1
        label = f"{edges[place]:,}+" if longer else f"{edges[place]:,}-{top:,}" if top > edges[place] else f"{top:,}"
        bar = "█" * round(_BAR * count / most) or ("▏" if count else "")
        bars.add_row(Text(f"  {label}"), Text(bar), Text(f"{count:,}"))
    return bars


def _fixed(fixed: CleanedCopy) -> list[RenderableType]:
    lines = [f"cleaned copy: {fixed.output} ({counted(fixed.rows, 'row')})"]
    lines += [f"  changed: {what}: {count:,}" for what, count in fixed.changed.items()]
    lines += [f"  removed: {counted(count, 'row')}: {reason}" for reason, count in fixed.removed.items()]
    lines += [f"  not copied: {sentence}" for sentence in fixed.not_copied]
    lines += [f"  left as it is: {code} ({count:,})" for code, count in fixed.left.items()]
    lines += [f"  the removed rows are in {fixed.removed_rows}"] if fixed.removed else []
    return [Text(printable(line)) for line in lines]
