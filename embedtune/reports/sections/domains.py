"""Domains that were learned one after the other: every score after every stage, and what was forgotten."""

from collections.abc import Sequence

from embedtune.evaluation.domains.forgetting import Estimate, Forgetting
from embedtune.evaluation.metrics import metric_label
from embedtune.evaluation.verdicts.query_groups import in_groups
from embedtune.findings import counted, singular
from embedtune.reports.document.blocks import Bullets, Figure, Section, Table, Text
from embedtune.reports.document.charts.heat import heat_map

HEADING = "One domain after the other"
_NAMES = {
    "score": "forgetting: what earlier domains lost of their best",
    "backward": "backward transfer: what later domains changed in those already learned",
    "forward": "forward transfer: what earlier domains changed in those still to come",
    "learned": "learned: a domain right after it was learned",
    "final": "final: all domains in the end",
}
"""Measure -> what it is; each is a mean over domains."""


def domains_section(matrix: Sequence[Sequence[float]], found: Forgetting | None) -> Section:
    """The matrix, the measures, and each earlier domain in the end against its best; empty for an ordinary run."""
    if found is None:
        return Section(HEADING)
    rows = [("before training", found.start)]
    rows += [(f"after {name}", tuple(own)) for name, own in zip(found.names, matrix, strict=True)]
    learned = [-1, *range(len(found.names))]
    if found.joint is not None:
        rows, learned = [*rows, ("trained at once", found.joint)], [*learned, -1]
    what = metric_label(found.metric)
    title = f"{what} on each domain (columns) after each stage (rows). The domain that was just learned is framed."
    table = Table(("", *found.names), [(name, *(f"{value:.3f}" for value in own)) for name, own in rows])
    lost = zip(found.names, found.lost, strict=False)
    drawn = heat_map(title, "", found.names, rows, learned)
    return Section(
        HEADING,
        [
            Text(found.sentence),
            Figure(drawn, table),
            Table(("mean over domains", "value", "95% interval"), _measures(found)),
            Bullets([f"{name}: {one.between('its best', 'the last model')}" for name, one in lost]),
            Text(f"Judged by {_judged_by(found)}. Intervals draw {_drawn(found)} within each domain.", quiet=True),
        ],
    )


def domains_sentence(found: Forgetting | None) -> str:
    """What was forgotten, in words; empty for an ordinary run."""
    return "" if found is None else found.sentence


def _measures(found: Forgetting) -> list[tuple[str, str, str]]:
    rows = []
    for key, name in _NAMES.items():
        one: Estimate = getattr(found, key)
        interval = "" if one.interval is None else f"{one.interval[0]:z.3f} to {one.interval[1]:z.3f}"
        rows.append((name, f"{one.value:z.3f}", interval))
    return rows


def _judged_by(found: Forgetting) -> str:
    counts = zip(found.names, found.queries, strict=True)
    one = singular(found.items)
    listed = ", ".join(f"{name}: {counted(count, one)}" for name, count in counts)
    grouped = "" if found.groups is None else f", in {in_groups(found.groups, found.grouped_by)}"
    return f"{listed}{grouped}"


def _drawn(found: Forgetting) -> str:
    return found.items if found.groups is None else "complete groups"
