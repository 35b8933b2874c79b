"""Repeated rows and texts: exact, or except for case, punctuation and spaces."""

from collections.abc import Sequence

import numpy as np

from embedtune.data.checks import Content, Gathered, RowBlock, paired_ids, shown
from embedtune.data.rows import LabelledTexts, Rows
from embedtune.data.texts.normal_form import near_ids
from embedtune.data.texts.seen_ids import SeenIds
from embedtune.findings import Finding, counted
from embedtune.identity import text_id

MANY = 0.1
"""Share of repeated rows from which they are a warning: a tenth of the work is done twice."""


class Duplicates:
    """Finds rows that repeat an earlier one."""

    def __init__(self) -> None:
        self._exact = Gathered()
        self._near = Gathered()
        self._seen, self._forms = SeenIds(), SeenIds()
        self._rows = 0

    def feed(self, block: RowBlock) -> None:
        """Look at the next rows."""
        content = block.content
        self._rows += len(content)
        numbers = np.arange(block.start, block.start + len(content))  # (n,)
        first = self._seen.add(_row_ids(content, content.column_ids), numbers)  # (n,)
        forms = [near_ids(texts) for texts in content.columns.values()]  # (n,) each
        like = self._forms.add(_row_ids(content, forms), numbers)  # (n,)
        for number, one, other in zip(numbers.tolist(), first.tolist(), like.tolist(), strict=True):
            if min(one, other) < number:
                found, earlier = (self._exact, one) if one < number else (self._near, other)
                text = next(iter(content.columns.values()))[number - block.start]
                found.add(f"{block.places[number]} (as {block.places[earlier]}): {shown(text)}")

    def findings(self) -> list[Finding]:
        """One per kind."""
        exact, near = counted(self._exact.count, "row"), counted(self._near.count, "row")
        return [
            *self._exact.finding(
                "duplicate-rows",
                self._severity(self._exact.count),
                f"{exact} repeating an earlier row; training leaves them out.",
                "Remove them: `embedtune check --data SET --fix FILE` does.",
            ),
            *self._near.finding(
                "near-duplicate-rows",
                self._severity(self._near.count),
                f"{near} repeating an earlier row except for case, punctuation or spaces.",
                "Remove them: `embedtune check --data SET --fix FILE` does.",
            ),
        ]

    def _severity(self, count: int) -> str:
        return "warning" if count > MANY * self._rows else "note"


class Repeats:
    """Counts texts that appear in several rows of a column, and in both columns."""

    def __init__(self) -> None:
        self._anchors, self.positives = SeenIds(), SeenIds()  # text ids
        self._rows = 0

    def feed(self, block: RowBlock) -> None:
        """Look at pairs; other content has no columns."""
        if isinstance(block.content, Rows):
            self._rows += len(block.content)
            numbers = np.arange(block.start, block.start + len(block.content))  # (n,)
            self._anchors.add(block.content.anchor_ids, numbers)
            self.positives.add(block.content.positive_ids, numbers)

    def findings(self) -> list[Finding]:
        """One for all repetitions."""
        both = self._anchors.shared(self.positives)
        repeated = [self._rows - len(seen) for seen in (self._anchors, self.positives)]
        if not any((*repeated, both)):
            return []
        message = (
            f"of {self._rows:,} rows, {repeated[0]:,} repeat an earlier anchor and {repeated[1]:,} an earlier "
            f"positive; {counted(both, 'text')} {'appears' if both == 1 else 'appear'} in both columns."
        )
        return [Finding("repeated-texts", "note", sum(repeated) + both, message)]


def drop_duplicates(rows: Rows) -> tuple[Rows, list[Finding]]:
    """The rows without those that repeat the anchor, positive, negatives and label of an earlier one.

    >>> drop_duplicates(Rows(["a", "a"], ["b", "b "]))[0].positives
    ['b']
    """
    _, first = np.unique(_row_ids(rows, rows.column_ids), return_index=True)
    if len(first) == len(rows):
        return rows, []
    found = Gathered()
    for row in np.setdiff1d(np.arange(len(rows)), first).tolist():
        found.add(rows.places[row] if rows.places else f"row {row + 1}", rows.anchors[row])
    message = f"{counted(found.count, 'row')} left out of training, each a duplicate of an earlier row."
    finding = Finding("duplicate-rows", "note", found.count, message, examples=tuple(found.examples))
    return rows.take(np.sort(first).tolist()), [finding]


def _row_ids(content: Content, columns: Sequence[np.ndarray]) -> np.ndarray:
    """Ids (n,), equal for rows that are equal in these ids of their columns, and in labels and negatives."""
    ids = columns[0] if len(columns) == 1 else paired_ids(*columns)
    if isinstance(content, Rows) and content.negatives:
        lists = [text_id(" ".join(map(str, some.tolist()))) for some in content.negative_ids]
        ids = paired_ids(ids, np.array(lists, dtype=np.int64))
    labels = content.labels if isinstance(content, Rows | LabelledTexts) else None
    return ids if labels is None else paired_ids(ids, np.fromiter(map(text_id, labels), dtype=np.int64))
