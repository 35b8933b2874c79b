"""What was kept: every guard set before and after, with its test."""

from collections.abc import Sequence

from embedtune.evaluation.metrics import metric_label
from embedtune.findings import counted
from embedtune.reports.document.blocks import Section, Table, Text
from embedtune.reports.document.wording import NO_DIFFERENCE, p_shown
from embedtune.reports.results.base import GuardRow

SMALLEST_SHOWN = 0.0005
"""A smaller figure would be shown as 0.000."""
HEADER = ("guard set", "metric", "before", "after", "difference", "95% interval", "p", "verdict")
ABOUT = (
    "A loss would usually have been found (4 times out of 5) if it were as large as said above. The p-values are not "
    "adjusted for the number of sets, so that a loss is rather reported once too often."
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
            Text(ABOUT if "usually found" in guard_sentence(rows) else "", quiet=True),
            Text(explained, quiet=True),
        ],
    )


def guard_sentence(rows: Sequence[GuardRow]) -> str:
    """What the guard shows, in one or two sentences; empty without a guard."""
    lost = [row for row in rows if row["verdict"] == "worse"]
    kept = [row for row in rows if row not in lost]
    named = ", ".join(f"{row['set']} ({row['difference']:+.3f})" for row in lost)
    # Where no score changed, there is no spread from which to say what could have been found.
    spread = [row for row in kept if row["minimum_detectable_effect"] >= SMALLEST_SHOWN]
    least = ", ".join(f"{row['set']} {row['minimum_detectable_effect']:.3f}" for row in spread)
    where = f"On the other {counted(len(kept), 'set')} of" if lost else "On"
    found = f"no loss was shown; the smallest usually found: {least}" if spread else "no score changed"
    said = [f"Lost on the guard: {named}."] if lost else []
    said += [f"{where} the guard, {found}."] if kept else []
    return " ".join(said)


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
        )
        for row in rows
    ]


def guard_table(rows: Sequence[GuardRow]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Header and cells for a terminal, which has no room for the intervals."""
    narrow = [(*row[:5], *row[6:]) for row in (HEADER, *guard_cells(rows))]
    return narrow[0], narrow[1:]
