"""How a run went, step by step: every loss term, what was masked, the collapse gauges, dev."""

from collections.abc import Mapping, Sequence
from typing import Any

from embedtune.evaluation.metrics import metric_label
from embedtune.reports.document.blocks import Figures, Section, Table, Text
from embedtune.reports.document.charts.lines import Line, line_chart

ROWS = 12
"""Steps in the table that stands for the plots."""
COLLAPSE = (
    "An embedding space that collapses shows in an effective rank that falls towards 1 and in a mean cosine of random "
    "pairs that rises towards 1. Alignment is the squared distance of pairs that belong together; uniformity is lower "
    "the more evenly texts spread over the sphere, and the SIGReg statistic the more they are spread like a Gaussian."
)
APART = ("loss",)
"""Groups whose lines have scales of their own, so that each gets a plot."""


def curves_section(curves: Mapping[str, Any] | None, best_step: int | None) -> Section:
    """The section of the training curves; empty where none were kept.

    Args:
        curves: "curves" of a training result.
        best_step: the step whose model was kept, marked where dev is drawn.
    """
    groups = curves["groups"] if curves else []
    steps = curves["steps"] if curves else []
    drawings = [
        line_chart(
            title, group.get("steps", steps), lines, unit="step", at=best_step if group["name"] == "dev" else None
        )
        for group in groups
        for title, lines in _plots(group)
    ]
    each = curves.get("steps_a_point", 1) if curves else 1
    said = f"Each point is the mean of {each} steps." if each > 1 else ""
    marked = best_step is not None and any(group["name"] == "dev" for group in groups)
    said += " The dotted line marks the step whose model was kept." if marked else ""
    gauges = COLLAPSE if any(group["name"].startswith("collapse") for group in groups) else ""
    return Section(
        "How training went",
        [Text(said.strip(), quiet=True), Figures(drawings, _table(steps, groups)), Text(gauges, quiet=True)],
    )


def _plots(group: Mapping[str, Any]) -> list[tuple[str, list[Line]]]:
    """Titles and lines of the plots of one group."""
    named = metric_label if group["name"] == "dev" else str
    lines = [Line(named(name), values) for name, values in group["lines"].items()]
    if group["name"] in APART or len(lines) == 1:
        return [(line.name if group["name"] in APART else group["name"], [line]) for line in lines]
    return [(group["name"], lines)]


def _table(steps: Sequence[int], groups: Sequence[Mapping[str, Any]]) -> Table:
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
