"""The scores of a run: BM25, the encoder before and after training, on all test queries and on the unseen ones."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from rich.table import Table as TerminalTable
from rich.text import Text as TerminalText

from embedtune.evaluation.metrics import metric_label
from embedtune.findings import counted
from embedtune.reports.document.blocks import Block, Section, Table, Text
from embedtune.reports.document.printable import printable
from embedtune.reports.document.terminal import bare_table
from embedtune.reports.document.wording import difference_cells, explained
from embedtune.reports.results.base import MetricTest
from embedtune.reports.results.train import Scores, TrainResult
from embedtune.reports.sections.beside import seen_sentence

HOLM = (
    "The verdict is based on the first metric alone; the p-values of the other metrics are adjusted for multiple tests "
    "(Holm's method)."
)


class ScorePart(NamedTuple):
    """One part of a table of scores.

    Args:
        heading: which queries.
        before: of the encoder before training.
        after: of the tuned one.
        words: of BM25; empty where it was not measured.
    """

    heading: str
    before: Scores
    after: Scores
    words: Scores


def score_parts(result: TrainResult) -> list[ScorePart]:
    """All test queries, and the unseen ones where they are a part of them; nothing where nothing was judged."""
    if not result.before:
        return []
    words: Scores = result.baselines[0]["metrics"] if result.baselines else {}
    unseen_words = result.baselines[0]["metrics_unseen"] if result.baselines else None
    items = result.verdict.items if result.verdict else "queries"
    heading = f"all test {items} ({result.test_queries:,})"
    parts = [ScorePart(heading, result.before, result.after, words)]
    if result.before_unseen and result.after_unseen and result.unseen_queries < result.test_queries:
        heading = f"unseen documents only ({result.unseen_queries:,})"
        parts.append(ScorePart(heading, result.before_unseen, result.after_unseen, unseen_words or {}))
    return parts


def basis(test_queries: int, unseen_queries: int) -> str:
    """How to read the scores where training or dev held answers to some test queries; empty otherwise.

    >>> print(basis(70, 50))
    The verdict rests on the unseen part: the other 20 queries ask for documents that were positives in training or dev.
    """
    seen = test_queries - unseen_queries
    asked = f"ask{'s' if seen == 1 else ''} for documents that were positives in training or dev"
    if not seen:
        return ""
    if not unseen_queries:
        return (
            f"All {counted(seen, 'test query')} {asked}: a gain on them may be memorization, and there are no unseen "
            "queries to rule that out."
        )
    return f"The verdict rests on the unseen part: the other {counted(seen, 'query')} {asked}."


def score_table(parts: Sequence[ScorePart]) -> TerminalTable:
    """The scores in the terminal."""
    shown = bare_table()
    shown.add_column("metric", no_wrap=True)
    header = _header(parts)
    for heading in header:
        shown.add_column(heading, justify="right", no_wrap=True)
    for part in parts:
        shown.add_row(TerminalText(part.heading, style="bold"))
        for name in part.before:
            shown.add_row(TerminalText(f"  {printable(metric_label(name))}"), *_cells(part, name, header))
        shown.add_section()
    return shown


def scores_section(result: TrainResult) -> Section:
    """The scores on the page: with tests where the verdict rests."""
    parts, tests = score_parts(result), result.metrics
    blocks: list[Block] = []
    for part in parts:
        tested = tests and part is parts[-1]
        blocks += [Text(f"{part.heading.capitalize()}:"), _tested(part, tests) if tested else _untested(part)]
    seen = basis(result.test_queries, result.unseen_queries) if result.verdict else ""
    seen = " ".join(filter(None, (seen, seen_sentence(result))))
    notes = [HOLM if tests else "", explained(tests)]
    return Section("The scores", [*blocks, Text(seen), *(Text(note, quiet=True) for note in notes)])


def _header(parts: Sequence[ScorePart]) -> tuple[str, ...]:
    return (*(("BM25",) if any(part.words for part in parts) else ()), "before", "after", "difference")


def _cells(part: ScorePart, name: str, header: Sequence[str]) -> list[str]:
    values: Mapping[str, Scores] = {"BM25": part.words, "before": part.before, "after": part.after}
    shown = [_shown(values[column], name) for column in header if column in values]
    return [*shown, f"{part.after[name] - part.before[name]:+z.3f}"]


def _shown(scores: Scores, name: str) -> str:
    return f"{scores[name]:.3f}" if name in scores else ""


def _untested(part: ScorePart) -> Table:
    header = _header([part])
    rows = [(metric_label(name), *_cells(part, name, header)) for name in part.before]
    return Table(("metric", *header), rows)


def _tested(part: ScorePart, tests: Sequence[MetricTest]) -> Table:
    words = ("BM25",) if part.words else ()
    rows = [
        (
            metric_label(one["metric"]),
            *(_shown(part.words, one["metric"]) for _ in words),
            f"{one['a']:.3f}",
            f"{one['b']:.3f}",
            *difference_cells(one),
        )
        for one in tests
    ]
    return Table(("metric", *words, "before", "after", "difference", "95% interval", "p", "verdict"), rows)
