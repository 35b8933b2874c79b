"""How a run went, step by step: every loss term, masking, the collapse gauges, dev."""

from collections.abc import Sequence

from embedtune.evaluation.metrics import metric_label
from embedtune.reports.document.blocks import Figures, Section, Table, Text
from embedtune.reports.document.charts.lines import Line, line_chart
from embedtune.reports.results.train import CurveGroup, Curves

ROWS = 12
"""Steps in the table that replaces the plots."""
COLLAPSE = (
    "When an embedding space collapses, its effective rank falls towards 1 and the mean cosine of random pairs rises "
    "towards 1. Alignment is the squared distance between the two texts of a pair. Uniformity is lower when texts are "
    "spread more evenly over the sphere; the SIGReg statistic is lower when their distribution is closer to a Gaussian."
)
APART = ("loss",)
"""Groups whose lines have scales of their own, so that each gets a plot."""


def curves_section(curves: Curves | None, best_step: int | None) -> Section:
    """The section of the training curves; empty where none were kept."""
    if curves is None:
        return Section("How training went")
    groups, steps = curves.groups, curves.steps
    drawings = [
        line_chart(
            title, group.get("steps", steps), lines, unit="step", at=best_step if group["name"] == "dev" else None
        )
        for group in groups
        for title, lines in _plots(group)
    ]
    said = f"Each point is the mean of {curves.steps_a_point} steps." if curves.steps_a_point > 1 else ""
    marked = best_step is not None and any(group["name"] == "dev" for group in groups)
    said += " The dotted line marks the step whose model was kept." if marked else ""
    gauges = COLLAPSE if any(group["name"].startswith("collapse") for group in groups) else ""
    return Section(
        "How training went",
        [Text(said.strip(), quiet=True), Figures(drawings, _table(steps, groups)), Text(gauges, quiet=True)],
    )


def _plots(group: CurveGroup) -> list[tuple[str, list[Line]]]:
    """Titles and lines of the plots of one group."""
    named = metric_label if group["name"] == "dev" else str
    lines = [Line(named(name), values) for name, values in group["lines"].items()]
    if group["name"] in APART or len(lines) == 1:
        return [(line.name if group["name"] in APART else group["name"], [line]) for line in lines]
    return [(group["name"], lines)]


def _table(steps: Sequence[int], groups: Sequence[CurveGroup]) -> Table:
    """Some of the steps; dev has a table of its own."""
    lines = [
        (name if len(group["lines"]) > 1 or group["name"] in APART else group["name"], values)
        for group in groups
        if "steps" not in group
        for name, values in group["lines"].items()
    ]
    stride = -(-len(steps) // ROWS) or 1
    shown = sorted({*range(0, len(steps), stride), len(steps) - 1}) if steps else []
    rows = [
        (f"{steps[at]:,}", *("" if values[at] is None else f"{values[at]:.4g}" for _, values in lines)) for at in shown
    ]
    return Table(("step", *(name for name, _ in lines)), rows)
