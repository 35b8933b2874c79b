"""What `embedtune check` prints: how long texts are, what was found with examples, what was mended, the verdict."""

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from embedtune.findings import SEVERITIES, Finding, by_severity, counted
from embedtune.reports.document.printable import printable
from embedtune.reports.document.wording import sentence

EXAMPLES = 3
_BAR = 32  # characters of the longest bar
_STYLES = {"error": "bold red", "warning": "yellow", "note": "dim"}
_VERDICTS = {
    "errors": "These data cannot be used as they are.",
    "warnings": "These data can be used; look at the warnings first.",
    "notes": "Nothing stands against using these data.",
    "clean": "Nothing was found.",
}


def check_text(result: Mapping[str, Any]) -> RenderableType:
    """The histograms, the findings, the copy and the verdict.

    Args:
        result: the keys of `embedtune check --json`.
    """
    parts: list[RenderableType] = []
    for lengths in result["lengths"]:
        parts += [Text(length_sentence(lengths), style="bold"), _bars(lengths), Text()]
    if result["in_batch"]:
        parts += [Text(batch_sentence(result["in_batch"])), Text()]
    if result["scripts"]:
        parts += [Text(script_sentence(result["scripts"])), Text()]
    if result["forecast"]:
        parts += [Text(printable(sentence(result["forecast"]["message"]))), Text()]
    for finding in by_severity(result["findings"]):
        parts += [*finding_lines(finding), Text()]
    if result["fixed"]:
        parts += [*_fixed(result["fixed"]), Text()]
    parts.append(Text(verdict_sentence(result), style="bold"))
    return Group(*parts)


def length_sentence(lengths: Mapping[str, Any]) -> str:
    """One column's lengths in words.

    >>> one = {"column": "anchor", "unit": "tokens", "texts": 9, "median": 3, "p95": 8, "longest": 12, "limit": 8}
    >>> print(length_sentence(one | {"cut": 1, "cut_share": 1 / 9}))
    anchor: median 3 tokens, 95% up to 8, longest 12 (9 texts); 11.1% are cut at 8
    """
    cut = f"; {lengths['cut_share'] * 100:.1f}% are cut at {lengths['limit']:,}" if lengths["limit"] else ""
    return (
        f"{lengths['column']}: median {lengths['median']:,} {lengths['unit']}, 95% up to {lengths['p95']:,}, "
        f"longest {lengths['longest']:,} ({counted(lengths['texts'], 'text')}){cut}"
    )


def batch_sentence(in_batch: Mapping[str, Any]) -> str:
    """How many negatives a batch gives, in a sentence.

    >>> batch_sentence({"batch_size": 256, "others": 255, "usable": 251.5, "known_share": 0.0137})
    'a batch of 256: 251.5 of the 255 other rows can serve an anchor as negatives; 1.4% share its text or class'
    """
    known = in_batch["known_share"]
    ending = f"; {known:.1%} share its text or class" if known >= 0.0005 else ""
    return (
        f"a batch of {in_batch['batch_size']:,}: {in_batch['usable']:,.1f} of the {in_batch['others']:,} other rows "
        f"can serve an anchor as negatives{ending}"
    )


def script_sentence(scripts: Iterable[Mapping[str, Any]]) -> str:
    """How the vocabulary fits each script, in a sentence."""
    named = [
        f"{one['script']} {one['share']:.0%} ({one['unknown']:.1%} unknown, {one['single']:.0%} single letters)"
        for one in scripts
        if one["share"] >= 0.01
    ]
    return f"pieces of the vocabulary by script: {', '.join(named)}"


def verdict_sentence(result: Mapping[str, Any]) -> str:
    """The verdict with the counts behind it."""
    severities = [finding["severity"] for finding in result["findings"]]
    listed = ", ".join(counted(severities.count(name), name) for name in SEVERITIES if name in severities)
    return _VERDICTS[result["verdict"]] + (f" ({listed})" if listed else "")


def _bars(lengths: Mapping[str, Any]) -> Table:
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    edges, counts = lengths["edges"], lengths["counts"]
    most = max(counts, default=0)
    for place, count in enumerate(counts):
        last = place == len(counts) - 1
        longer = last and lengths["longest"] >= edges[-1]
        top = edges[place + 1] - 1
        label = f"{edges[place]:,}+" if longer else f"{edges[place]:,}-{top:,}" if top > edges[place] else f"{top:,}"
        bar = "█" * round(_BAR * count / most) or ("▏" if count else "")
        table.add_row(Text(f"  {label}"), Text(bar), Text(f"{count:,}"))
    return table


def finding_lines(finding: Finding) -> list[RenderableType]:
    """A finding, with what to do about it and examples."""
    head = Text.assemble(
        (f"{finding.severity}: ", _STYLES[finding.severity]), (f"{finding.code}  ", "bold"), printable(finding.message)
    )
    below = [Text(printable(finding.fix))] if finding.fix else []
    below += [Text(f"- {printable(example)}", style="dim") for example in finding.examples[:EXAMPLES]]
    more = min(finding.count, 10**9) - min(EXAMPLES, len(finding.examples))
    if finding.examples and more > 0:
        below.append(Text(f"- and {more:,} more", style="dim"))
    return [head, *(Padding(line, (0, 0, 0, 4)) for line in below)]


def _fixed(fixed: Mapping[str, Any]) -> list[RenderableType]:
    lines = [f"cleaned copy: {fixed['output']} ({counted(fixed['rows'], 'row')})"]
    lines += [f"  changed: {what}: {count:,}" for what, count in fixed["changed"].items()]
    lines += [f"  removed: {counted(count, 'row')}: {reason}" for reason, count in fixed["removed"].items()]
    lines += [f"  not copied: {sentence}" for sentence in fixed["not_copied"]]
    lines += [f"  left as it is: {code} ({count:,})" for code, count in fixed["left"].items()]
    lines += [f"  the rows removed are in {fixed['removed_rows']}"] if fixed["removed"] else []
    return [Text(printable(line)) for line in lines]
