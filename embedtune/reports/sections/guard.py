"""What was kept: every guard set before and after, with its test."""

from collections.abc import Sequence

from embedtune.evaluation.metrics import metric_label
from embedtune.findings import counted
from embedtune.reports.document.blocks import Section, Table, Text
from embedtune.reports.document.wording import NO_DIFFERENCE, p_shown
from embedtune.reports.results.base import GuardRow

HEADER = ("guard set", "metric", "before", "after", "difference", "95% interval", "p", "verdict", "would be found from")
ABOUT = (
    '"Would be found from" is the loss that a set of this size would usually show (4 times out of 5). The p-values are '
    "not adjusted for the number of sets, so that a loss is rather reported once too often."
)


def guard_section(rows: Sequence[GuardRow]) -> Section:
    """The section of the guard, the sentence first; empty where there was no guard."""
    if not rows:
        return Section("What was kept")
    explained = NO_DIFFERENCE if any(row["verdict"] == "no difference shown" for row in rows) else ""
    return Section(
        "What was kept",
        [
            Text(guard_sentence(rows)),
            Table(HEADER, guard_cells(rows)),
            Text(ABOUT, quiet=True),
            Text(explained, quiet=True),
        ],
    )


def guard_sentence(rows: Sequence[GuardRow]) -> str:
    """What the guard shows, in one or two sentences; empty without a guard."""
    lost = [row for row in rows if row["verdict"] == "worse"]
    if lost:
        said = ", ".join(f"{row['set']} ({row['difference']:+.3f})" for row in lost)
        kept = len(rows) - len(lost)
        rest = f" On the other {counted(kept, 'set')}, no loss was shown." if kept else ""
        return f"Lost on the guard: {said}.{rest}"
    least = ", ".join(f"{row['set']} {row['minimum_detectable_effect']:.3f}" for row in rows)
    return f"No loss was shown on the guard; the smallest that would usually have been found: {least}." if rows else ""


def guard_cells(rows: Sequence[GuardRow]) -> list[tuple[str, ...]]:
    """The cells of the table."""
    return [
        (
            f"{row['set']} ({row['queries']:,} {row['items']})",
            metric_label(row["metric"]),
            f"{row['before']:.3f}",
            f"{row['after']:.3f}",
            f"{row['difference']:+z.3f}",
            f"{row['interval'][0]:+z.3f} to {row['interval'][1]:+z.3f}",
            p_shown(row["p_value"]),
            row["verdict"],
            f"{row['minimum_detectable_effect']:.3f}",
        )
        for row in rows
    ]


def guard_table(rows: Sequence[GuardRow]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Header and cells for a terminal, which has no room for the intervals."""
    narrow = [(*row[:5], *row[6:]) for row in (HEADER, *guard_cells(rows))]
    return narrow[0], narrow[1:]
