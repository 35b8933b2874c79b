"""What reports add to the table of a set that is not a retrieval set."""

from collections.abc import Sequence

from embedtune.evaluation.verdicts.query_groups import in_groups
from embedtune.reports.document.blocks import Block, Matrix, Table, Text
from embedtune.reports.results.evaluate import SystemRow

Rows = Sequence[SystemRow]
SHOWN = 15
_MATRIX = 12  # labels; a larger matrix does not fit on a page, and is in evaluation.json

_ABOUT = {
    "similarity": "Correlation with human scores. Systems are compared by Spearman's correlation, with a permutation "
    "test that swaps their ranks pair by pair.",
    "candidates": "Accuracy is how often the right label comes first, accuracy@3 how often it is among the first "
    "three. Macro F1 gives every label the same weight.",
    "triplets": "Accuracy is the share of rows whose positive is nearer than every negative; a tie counts as wrong. "
    "The margin is by how much the positive is nearer.",
    "clusters": "k-means is told how many labels there are. AMI and ARI are 0 for chance; the V-measure is not "
    "adjusted for it. Intervals and the test treat texts, clusters and seeds as chance. mteb draws texts twice and "
    "uses another k-means, so its figures differ.",
}
_SEARCHED = {
    "similarity": "second sentences",
    "candidates": "wordings",
    "triplets": "positives and negatives",
    "clusters": "labels",
}


def task_blocks(rows: Rows) -> list[Block]:
    """What follows the table of one set, whose rows these are."""
    task = rows[0]["task"]
    return [Text(_ABOUT.get(task, ""), quiet=True), *(_candidates(rows) if task == "candidates" else [])]


def size(row: SystemRow) -> str:
    """The size of a set in words."""
    searched = _SEARCHED.get(row["task"], "documents")
    count, column = row.get("groups"), row.get("grouped_by")
    grouped = f" in {in_groups(count, column)}" if count is not None and column else ""
    return f"{row['queries']:,} {row.get('items') or 'queries'}{grouped}, {row['documents']:,} {searched}."


def confused(row: SystemRow, most: int = SHOWN) -> Table:
    """The labels that a system mistook for another most often."""
    cells = [(one["label"], one["chosen"], f"{one['texts']:,}") for one in row.get("confused", ())[:most]]
    return Table(("label", f"{row['label']} chose", "texts"), cells)


def _candidates(rows: Rows) -> list[Block]:
    """F1 of every label for each system, the hardest for the last system first; then the labels confused most."""
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
        Text(f"F1 of each label, the hardest for {rows[-1]['label']} first."),
        Table(("label", "texts", *(f"F1 of {row['label']}" for row in rows)), cells[:SHOWN]),
        Text(f"{left:,} more labels, all with a higher F1, are in evaluation.json." if left > 0 else "", quiet=True),
        Text("Labels confused most often." if any(row["confused"] for row in rows) else ""),
        *(block for row in rows for block in (confused(row), _matrix(row))),
    ]


def _matrix(row: SystemRow) -> Matrix:
    """The confusion matrix, where it is small."""
    labels, counts = row["confusion"]["labels"], row["confusion"]["counts"]
    small = len(labels) <= _MATRIX
    return Matrix(f"texts of a label, by the label that {row['label']} chose", labels if small else (), counts)
