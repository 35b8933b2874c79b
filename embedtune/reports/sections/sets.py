"""The sets of a run that learned from several: each before and after, with its test, adjusted for their number."""

from collections.abc import Mapping, Sequence
from typing import Any

from embedtune.findings import counted
from embedtune.reports.document.blocks import Section, Table, Text
from embedtune.reports.sections.guard import HEADER, guard_cells

HEADING = "Set by set"
ABOUT = (
    "Each set is judged on its own test split. The p-values behind the verdicts are adjusted for the number of sets "
    "(Holm's method); the column p has those before the adjustment."
)


def sets_section(rows: Sequence[Mapping[str, Any]]) -> Section:
    """The section, the sentence first; empty where there was one set."""
    if not rows:
        return Section(HEADING)
    table = Table(("set", *HEADER[1:]), guard_cells(rows))  # type: ignore[arg-type]
    return Section(HEADING, [Text(sets_sentence(rows)), table, Text(ABOUT, quiet=True)])


def sets_sentence(rows: Sequence[Mapping[str, Any]]) -> str:
    """What became of the sets, in one sentence; empty where there was one.

    >>> sets_sentence([{"set": "a", "verdict": "better", "difference": 0.03}])
    'Of 1 set: better on a (+0.030).'
    """
    said = []
    for verdict in ("better", "worse", "no difference shown"):
        named = [f"{row['set']} ({row['difference']:+.3f})" for row in rows if row["verdict"] == verdict]
        said += [f"{verdict} on {', '.join(named)}"] if named else []
    return f"Of {counted(len(rows), 'set')}: {'; '.join(said)}." if rows else ""
