"""What mixtures of models score: a picture over alpha, and the table behind it."""

from collections.abc import Sequence

from embedtune.evaluation.metrics import metric_label
from embedtune.reports.document.blocks import Figure, Section, Table, Text
from embedtune.reports.document.charts.lines import Line, line_chart
from embedtune.reports.results.base import AlphaPoint

SHOWN = "ndcg@10"
"""The dev metric of the picture; the choice is made by the last one."""


def mixed_sentence(alpha: float | None) -> str:
    """That a trained encoder was mixed with what it was before; empty where it was not."""
    if alpha is None:
        return ""
    return f"The encoder is a mixture of itself before training (0) and after it (1), at alpha {alpha:g}."


def curve_section(points: Sequence[AlphaPoint]) -> Section:
    """The section of the curve over alpha; empty where alpha was a number."""
    heading = "How far to go"
    if not points:
        return Section(heading)
    sets = [row["set"] for row in points[-1].guard]
    lines = [Line(f"dev, {metric_label(SHOWN)}", [point.dev.get(SHOWN) for point in points])]
    lines += [Line(f"guard, {name}", [_guard_value(points, at, name) for at in range(len(points))]) for name in sets]
    chosen = next(point.alpha for point in points if point.chosen)
    drawn = line_chart(
        "Dev and guard by alpha; the dotted line marks what was chosen.",
        [point.alpha for point in points],
        lines,
        unit="alpha",
        at=chosen,
    )
    by = metric_label(list(points[0].dev)[-1])
    said = (
        f"Chosen by {by} on the dev queries, among the mixtures on which no guard set looks worse (p < 0.3). "
        "Guard values here are from the half of each set that alpha was chosen by, not those reported above."
    )
    return Section(heading, [Figure(drawn, _table(points, sets), both=True), Text(said, quiet=True)])


def _guard_value(points: Sequence[AlphaPoint], at: int, name: str) -> float | None:
    """What a guard set scores at a point; at alpha 0 it is what every other point compares with."""
    own = {row["set"]: row["after"] for row in points[at].guard}
    return own.get(name, points[-1].guard[[row["set"] for row in points[-1].guard].index(name)]["before"])


def _table(points: Sequence[AlphaPoint], sets: Sequence[str]) -> Table:
    names = list(points[0].dev)
    metrics = [name for name in (SHOWN, names[-1]) if name in names]
    header = ("alpha", *(f"dev {metric_label(name)}" for name in metrics), *sets, "guard")
    rows = [
        (
            f"{point.alpha:g}{' (chosen)' if point.chosen else ''}",
            *(f"{point.dev[name]:.3f}" for name in metrics),
            *(f"{_guard_value(points, at, name) or 0:.3f}" for name in sets),
            "held" if point.holds else "lost",
        )
        for at, point in enumerate(points)
    ]
    return Table(header, rows)
