"""The clusters of labelled test texts before and after training."""

from embedtune.evaluation.metrics import metric_label
from embedtune.findings import counted
from embedtune.reports.document.blocks import Section, Table, Text
from embedtune.reports.results.train import LabelGroups

HEADING = "Clusters of the test texts"
ABOUT = (
    "k-means is told how many labels there are, and clusters the test texts by their vectors alone. AMI and ARI are 0 "
    "for chance; the V-measure is not adjusted for it. Intervals and the test treat texts, the clusters found in them, "
    "and seeds as chance."
)


def labelled_section(found: LabelGroups | None) -> Section:
    """The measures before and after; empty where no test texts have labels."""
    if found is None:
        return Section(HEADING)
    rows = [
        (metric_label(name), *_cells(before, found.intervals_before.get(name)), *_cells(after, intervals.get(name)))
        for name, before in found.before.items()
        for after, intervals in [(found.after[name], found.intervals_after)]
    ]
    header = (
        f"{counted(found.texts, 'text')}, {counted(found.labels, 'label')}",
        "before",
        "95% interval",
        "after",
        "95% interval",
    )
    return Section(HEADING, [Text(labelled_sentence(found)), Table(header, rows), Text(ABOUT, quiet=True)])


def labelled_sentence(found: LabelGroups | None) -> str:
    """Whether the clusters agree better with the labels now; empty where no test texts have labels."""
    if found is None:
        return ""
    said = found.verdict.sentence
    return f"Clusters of the test texts: {said[:1].lower()}{said[1:]}"


def _cells(value: float, ends: tuple[float, float] | None) -> tuple[str, str]:
    return f"{value:.3f}", f"{ends[0]:.3f} to {ends[1]:.3f}" if ends else ""
