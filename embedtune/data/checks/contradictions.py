"""Rows that contradict themselves or each other: an anchor that is its own positive, positives given as negatives."""

import numpy as np

from embedtune.data.checks import Gathered, RowBlock, graded, paired_ids
from embedtune.data.rows import Rows
from embedtune.data.texts.seen_ids import SeenIds
from embedtune.findings import Finding, counted


class PairCheck:
    """Compares the anchor, positive and negatives of rows by text id."""

    def __init__(self) -> None:
        self._rows = 0
        self._same = Gathered()
        self._own = Gathered()
        self._torn = Gathered()
        self._positives = SeenIds()  # of anchor and positive
        self._negatives = SeenIds()  # of anchor and negative

    def feed(self, block: RowBlock) -> None:
        """Look at pairs; other content has no roles."""
        rows = block.content
        if not isinstance(rows, Rows):
            return
        self._rows += len(rows)
        for row in np.flatnonzero(rows.anchor_ids == rows.positive_ids).tolist():
            self._same.add(block.places[block.start + row], rows.anchors[row])
        positives = paired_ids(rows.anchor_ids, rows.positive_ids)  # (n,)
        numbers = np.arange(block.start, block.start + len(rows))  # (n,)
        # In either order the later row is reported: its positive was given as a negative, or the reverse.
        torn = set(np.flatnonzero(self._negatives.find(positives) >= 0).tolist())
        self._positives.add(positives, numbers)
        if rows.has_negatives:
            torn |= self._feed_negatives(block, rows)
        for row in sorted(torn):
            self._torn.add(block.places[block.start + row], rows.anchors[row])

    def _feed_negatives(self, block: RowBlock, rows: Rows) -> set[int]:
        """Look at the negatives of a block; returns the rows with a known positive among them."""
        of_row = np.repeat(np.arange(len(rows)), [len(ids) for ids in rows.negative_ids])  # (m,)
        ids = np.concatenate(rows.negative_ids)  # (m,)
        own = (ids == rows.anchor_ids[of_row]) | (ids == rows.positive_ids[of_row])  # (m,)
        for row in np.unique(of_row[own]).tolist():
            self._own.add(block.places[block.start + row], rows.anchors[row])
        of_row, ids = of_row[~own], ids[~own]  # (m',), (m',)
        negatives = paired_ids(rows.anchor_ids[of_row], ids)  # (m',)
        self._negatives.add(negatives, block.start + of_row)
        return set(of_row[self._positives.find(negatives) >= 0].tolist())

    def is_positive(self, anchor_ids: np.ndarray, ids: np.ndarray) -> np.ndarray:
        """Whether texts (n,) are positives of anchors (n,) in any row so far: bool (n,)."""
        return self._positives.find(paired_ids(anchor_ids, ids)) >= 0

    def findings(self) -> list[Finding]:
        """One per kind."""
        same, own, torn = (counted(one.count, "row") for one in (self._same, self._own, self._torn))
        return [
            *self._same.finding(
                "anchor-equals-positive",
                graded(self._same.count, self._rows),
                f"in {same}, anchor and positive are the same text, which teaches nothing.",
                "Remove them: `embedtune check --data SET --fix FILE` does, except for scored pairs.",
            ),
            *self._own.finding(
                "negative-equals-own",
                graded(self._own.count, self._rows),
                f"in {own}, a negative is the row's own anchor or positive; it is not used as a negative.",
                "Remove these negatives: `embedtune check --data SET --fix FILE` does.",
            ),
            *self._torn.finding(
                "positive-also-negative",
                graded(self._torn.count, self._rows),
                f"in {torn}, a negative is a positive of the same anchor elsewhere; it is not used as a negative.",
                "Remove these negatives: `embedtune check --data SET --fix FILE` does.",
            ),
        ]
