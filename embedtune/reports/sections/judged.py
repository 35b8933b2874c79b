"""How much of each ranking is judged, and how low and high its score could be if everything were."""

from collections.abc import Sequence

from embedtune.evaluation.metrics import metric_label
from embedtune.findings import percent
from embedtune.reports.document.blocks import Block, Table, Text
from embedtune.reports.results.evaluate import SystemRow

EXPLAINED = (
    "Documents without a judgment count as not relevant. Lowest and highest are the limits of mean {metric} if all "
    "were judged: it is lowest if many relevant documents are missing from the ranking, and highest if the unjudged "
    "documents at its top are relevant."
)
FLAG = "Less than half of the first documents are judged, so this verdict may rest on what nobody judged."


def judged_table(rows: Sequence[SystemRow], metric: str) -> Table:
    """A row per system whose first documents are not all judged; empty where all are."""
    _, at, k = metric.partition("@")
    cells = [
        (row["label"], percent(row["judged"]), *_bounds(row))
        for row in rows
        if row.get("judged") is not None and row["judged"] < 1
    ]
    return Table(("model", f"judged{at}{k}", "lowest", "highest"), cells)


def judged_blocks(rows: Sequence[SystemRow], metric: str) -> list[Block]:
    """The table and what it means; nothing where every document among the first is judged."""
    table = judged_table(rows, metric)
    return [table, Text(EXPLAINED.format(metric=metric_label(metric)), quiet=True)] if table.rows else []


def _bounds(row: SystemRow) -> tuple[str, str]:
    low, high = row.get("bounds") or (None, None)
    return ("", "") if low is None or high is None else (f"{low:.3f}", f"{high:.3f}")
