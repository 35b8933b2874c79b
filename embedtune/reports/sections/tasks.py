"""What sets of other kinds than retrieval have to say beside their table."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from embedtune.reports.document.blocks import Block, Matrix, Table, Text

Rows = Sequence[Mapping[str, Any]]
SHOWN = 15
_MATRIX = 12  # labels; a larger matrix is in evaluation.json and fits no page

_ABOUT = {
    "similarity": "Correlations with the scores that people gave. Systems are compared by Spearman's, exchanging their "
    "ranks pair by pair.",
    "candidates": "Accuracy is how often the right label comes first, accuracy@3 how often it is among the first "
    "three. Macro F1 counts every label the same.",
    "triplets": "Accuracy is the share of positives that are nearer than every negative of their row, a tie being a "
    "failure; margin is by how much.",
}


def task_blocks(rows: Rows) -> list[Block]:
    """What follows the table of one set.

    Args:
        rows: of `models` of `embedtune evaluate --json`, those of the set.
    """
    task = rows[0].get("task", "retrieval")
    more = _MORE.get(task)
    return [Text(_ABOUT.get(task, ""), quiet=True), *(more(rows) if more else [])]


def size(row: Mapping[str, Any]) -> str:
    """How much there is in a set, in words."""
    beside = _BESIDE.get(row.get("task", ""), "documents")
    return f"{row['queries']:,} {row.get('items') or 'queries'}, {row['documents']:,} {beside}."


_BESIDE = {"similarity": "second sentences", "candidates": "wordings", "triplets": "positives and negatives"}


def confused(row: Mapping[str, Any], most: int = SHOWN) -> Table:
    """The labels that a system took for another most often."""
    cells = [(one["label"], one["chosen"], f"{one['texts']:,}") for one in row.get("confused", ())[:most]]
    return Table(("label", f"{row['label']} chose", "texts"), cells)


def _candidates(rows: Rows) -> list[Block]:
    """F1 of every label under each system, the hardest for the last one first; then what was taken for what."""
    hardest = sorted(range(len(rows[-1]["classes"])), key=lambda place: rows[-1]["classes"][place]["f1"])
    cells = [
        (
            rows[0]["classes"][place]["label"],
            f"{rows[0]['classes'][place]['texts']:,}",
            *(f"{row['classes'][place]['f1']:.3f}" for row in rows),
        )
        for place in hardest
        if rows[0]["classes"][place]["texts"]
    ]
    left = len(cells) - SHOWN
    return [
        Text(f"F1 of each label, those that are hardest for {rows[-1]['label']} first."),
        Table(("label", "texts", *(f"F1 of {row['label']}" for row in rows)), cells[:SHOWN]),
        Text(f"{left:,} more labels in evaluation.json, each of a higher F1." if left > 0 else "", quiet=True),
        Text("Labels that were most often taken for another." if any(row["confused"] for row in rows) else ""),
        *(block for row in rows for block in (confused(row), _matrix(row))),
    ]


def _matrix(row: Mapping[str, Any]) -> Matrix:
    """The confusion matrix, where it is small."""
    labels, counts = row["confusion"]["labels"], row["confusion"]["counts"]
    small = len(labels) <= _MATRIX
    return Matrix(f"texts of a label, by the label that {row['label']} chose", labels if small else (), counts)


_MORE: Mapping[str, Callable[[Rows], list[Block]]] = {"candidates": _candidates}
