"""What a person sees at the end of a run: a table, the verdict, what to know about it. Colour never says it alone."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from embedtune.evaluation.metrics import metric_label
from embedtune.evaluation.significance import Comparison
from embedtune.findings import Finding, by_severity
from embedtune.reports.compare import HOLM_ROWS, difference_rows, won_and_lost
from embedtune.reports.document.printable import printable
from embedtune.reports.document.wording import (
    Scores,
    basis,
    mining_summary,
    named,
    said,
    score_parts,
    word_and_sentence,
)
from embedtune.reports.evaluate import HOLM, evaluation_rows, mean_rows, sentences, sets_of, unseen_sentence
from embedtune.reports.sections.tasks import confused

MOST_CONFUSED = 5
_STYLES = {"better": "bold green", "worse": "bold red", "error": "bold red", "warning": "yellow", "note": "dim"}


def verdict_table(
    before: Scores,
    after: Scores,
    before_unseen: Scores | None,
    after_unseen: Scores | None,
    verdict: Comparison | Mapping[str, Any] | None,
    *,
    test_queries: int,
    unseen_queries: int,
    findings: Iterable[Finding | Mapping[str, Any]] = (),
    told: Collection[str] = (),
) -> RenderableType:
    """The scores before and after, the verdict sentence, and the findings, the gravest first.

    Args:
        before: metric -> mean over the test queries, of the encoder as it came.
        after: the same of the encoder as it is now.
        before_unseen: over queries whose relevant documents were never trained on; None when there are none.
        after_unseen: the same.
        verdict: what `compare_paired` found, or its `as_dict`; None without test queries.
        test_queries: how many there are.
        unseen_queries: how many of them are unseen.
        findings: what the user should know of data and run.
        told: sentences that were said on the way; findings among them are only named.
    """
    parts: list[RenderableType] = []
    groups = score_parts(
        before, after, before_unseen, after_unseen, test_queries=test_queries, unseen_queries=unseen_queries
    )
    if groups:
        parts += [_score_table(groups), Text()]
    parts.append(_sentence(verdict))
    if verdict is not None and basis(test_queries, unseen_queries):
        parts += [Text(), Text(basis(test_queries, unseen_queries))]
    return Group(*parts, *_below(findings, told))


def _score_table(groups: list[tuple[str, Scores, Scores]]) -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("metric", no_wrap=True)
    for heading in ("before", "after", "difference"):
        table.add_column(heading, justify="right", no_wrap=True)
    for heading, before, after in groups:
        table.add_row(Text(heading, style="bold"))
        for metric, value in before.items():
            name = Text(f"  {metric_label(printable(metric))}")
            table.add_row(name, f"{value:.3f}", f"{after[metric]:.3f}", f"{after[metric] - value:+.3f}")
        table.add_section()
    return table


def _sentence(verdict: Comparison | Mapping[str, Any] | None) -> Text:
    word, sentence = word_and_sentence(verdict)
    return Text(sentence, style=_STYLES.get(word, "bold"))


def _below(findings: Iterable[Finding | Mapping[str, Any]], told: Collection[str] = ()) -> list[RenderableType]:
    """The findings in full, the gravest first, and by their names those that were told before."""
    known = by_severity(findings)
    old = [finding for finding in known if finding.message in told or said(finding) in told]
    new = [finding for finding in known if finding not in old]
    parts: list[RenderableType] = [Text(), _finding_table(new)] if new else []
    again = named(old)
    return parts + ([Text(), Text(f"Said earlier, and in the report: {again}.")] if again else [])


def _finding_table(findings: list[Finding]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column()
    for finding in findings:
        table.add_row(Text(f"{finding.severity}:", style=_STYLES[finding.severity]), Text(printable(said(finding))))
    return table


def evaluation_tables(result: Mapping[str, Any], told: Collection[str] = ()) -> RenderableType:
    """A table a set, one of the means over the sets, the comparisons in words, and the findings.

    Args:
        result: the keys of `embedtune evaluate --json`.
        told: sentences that were said on the way; findings among them are only named.
    """
    parts: list[RenderableType] = []
    for name in sets_of(result):
        parts += [Text()] if parts else []
        parts += [Text(printable(name), style="bold"), _plain_table(*evaluation_rows(result, name))]
        compared = sentences(result, name)
        unseen = unseen_sentence(next(row for row in result["models"] if row["data"] == name))
        words = [*([unseen] if unseen else []), *compared, *([HOLM] if len(compared) > 1 else [])]
        parts += [Text()] if words else []
        parts += [Text(printable(sentence)) for sentence in words]
        tables = [confused(row, MOST_CONFUSED) for row in result["models"] if row["data"] == name]
        parts += [part for table in tables if table for part in (Text(), _plain_table(table.header, table.rows))]
    for header, rows in mean_rows(result):
        parts += [Text(), Text("mean over the sets", style="bold"), _plain_table(header, rows)]
    return Group(*parts, *_below(result["findings"], told))


def comparison_text(result: Mapping[str, Any]) -> RenderableType:
    """The verdict on B, the means of its seeds, every test, the queries won and lost most, and the findings.

    Args:
        result: the keys of `embedtune compare --json`.
    """
    parts: list[RenderableType] = [
        Text(f"{key.upper()}  {printable(', '.join(names))}{_seeds(result['seeds'][key])}")
        for key, names in result["names"].items()
    ]
    parts += [Text(), Text(printable(result["sentence"]), style=_STYLES.get(result["verdict"], "bold"))]
    parts.append(Text(won_and_lost(result)))
    header, tests = difference_rows(result)
    if len(tests) > 1:
        narrow = [(*row[:4], *row[5:]) for row in (header, *tests)]  # a terminal has no room for the intervals
        parts += [Text(), _plain_table(narrow[0], narrow[1:]), Text(HOLM_ROWS)]
    for heading, rows in (("most won", result["most_won"]), ("most lost", result["most_lost"])):
        cells = [(f"{row['a']:.3f}", f"{row['b']:.3f}", row["text"] or row["query"]) for row in rows]
        parts += [Text(), _query_table(heading, cells)] if cells else []
    return Group(*parts, *_below(result["findings"]))


def _seeds(means: list[float]) -> str:
    """The mean of each seed, where there are several."""
    return f" ({', '.join(f'{mean:.3f}' for mean in means)})" if len(means) > 1 else ""


def _query_table(heading: str, rows: Iterable[tuple[str, str, str]]) -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for name in "AB":
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column(heading)  # the only one that gives way where there is little room
    for a, b, text in rows:
        table.add_row(a, b, Text(printable(text), no_wrap=True, overflow="ellipsis"))
    return table


def _plain_table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for place, heading in enumerate(header):
        table.add_column(Text(printable(heading)), justify="right" if place else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell), style=_STYLES.get(cell, "")) for cell in row))
    return table


def mining_table(result: Mapping[str, Any], told: Collection[str] = ()) -> RenderableType:
    """What a mining job found and dropped, and the findings, the gravest first.

    Args:
        result: the keys of `embedtune mine --json`.
        told: sentences that were said on the way; findings among them are only named.
    """
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("candidates", no_wrap=True)
    for heading in ("count", "share"):
        table.add_column(heading, justify="right", no_wrap=True)
    for reason, count in {"kept": result["kept"], **result["dropped"]}.items():
        table.add_row(Text(reason.replace("_", " ")), f"{count:,}", f"{result['shares'][reason]:.1%}")
    parts: list[RenderableType] = [table, Text(), Text(mining_summary(result), style="bold")]
    return Group(*parts, *_below(result["findings"], told))
