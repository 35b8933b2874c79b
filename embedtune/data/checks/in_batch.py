"""How many other rows of a batch can serve as negatives of an anchor: those that share no text or class with it."""

import numpy as np

from embedtune.config.course import Course
from embedtune.config.sections.training import TrainingSection
from embedtune.data.checks import RowBlock, paired_ids
from embedtune.data.rows import LabelledTexts, Rows
from embedtune.findings import Finding, counted
from embedtune.identity import text_id

OFTEN = 0.05
"""Share of known positives among the other rows of a batch, from which that is a warning; fewer cost nothing."""


class InBatch:
    """Counts how often each anchor, positive and class occurs: 8 bytes each per row.

    Args:
        training: says how many pairs are in a step, or leaves that to their number.
    """

    def __init__(self, training: TrainingSection) -> None:
        self._training = training
        self._anchors: list[np.ndarray] = []
        self._positives: list[np.ndarray] = []
        self._labels: list[np.ndarray] = []

    def feed(self, block: RowBlock) -> None:
        """Look at pairs, and at labelled texts, which become pairs."""
        content = block.content
        if isinstance(content, Rows):
            self._anchors.append(content.anchor_ids)
            self._positives.append(content.positive_ids)
        if isinstance(content, Rows | LabelledTexts) and content.labels is not None:
            self._labels.append(np.fromiter(map(text_id, content.labels), dtype=np.int64))

    @property
    def _batch_size(self) -> int:
        return Course.of(self._training, self.rows, static=False).batch_size

    @property
    def rows(self) -> int:
        """Rows that become pairs."""
        return sum(map(len, self._anchors or self._labels))

    def summary(self) -> dict[str, float]:
        """The average batch: its other rows, and how many of them can serve as negatives of an anchor."""
        others = max(0, min(self._batch_size, self.rows) - 1)
        known = self.known_share()
        return {
            "batch_size": self._batch_size,
            "others": others,
            "usable": round((1 - known) * others, 1),
            "known_share": round(known, 6),
        }

    def findings(self) -> list[Finding]:
        """Few rows, or few usable negatives per batch."""
        known, rows = self.known_share(), self.rows
        found = []
        if rows and rows < 2 * self._batch_size:
            verb = "is" if rows == 1 else "are"
            message = f"{counted(rows, 'row')} {verb} fewer than two batches of {self._batch_size:,}."
            found.append(Finding("few-batches", "note", rows, message, "Use a smaller --batch-size, or more rows."))
        if known < OFTEN:
            return found
        usual = self.summary()
        message = (
            f"of the {usual['others']:,} other rows of a batch, {usual['usable']:.1f} on average can be negatives of "
            f"an anchor; {known:.1%} share its text or class."
        )
        fix = (
            "Rows that share a text or class are masked. For more negatives, use a larger --batch-size, or mine some "
            "for each row (embedtune mine)."
        )
        return [*found, Finding("few-in-batch-negatives", "warning", round(known * rows), message, fix)]

    def known_share(self) -> float:
        """The share of other rows that share an anchor, positive or class with a row."""
        if self._labels:
            return _shared(np.concatenate(self._labels))
        if not self._anchors:
            return 0.0
        anchors, positives = np.concatenate(self._anchors), np.concatenate(self._positives)  # (n,), (n,)
        # Rows that share both are counted twice.
        return _shared(anchors) + _shared(positives) - _shared(paired_ids(anchors, positives))


def _shared(ids: np.ndarray) -> float:
    """The chance that two different rows have the same id."""
    counts = np.unique(ids, return_counts=True)[1].astype(np.float64)  # (u,)
    return float((counts * (counts - 1)).sum() / max(1, len(ids) * (len(ids) - 1)))
