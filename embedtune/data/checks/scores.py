"""Scores outside the scale of the others, and scores that carry no information."""

from array import array

import numpy as np

from embedtune.data.checks import Gathered, RowBlock, graded
from embedtune.data.rows import Rows, ScoredPairs
from embedtune.findings import Finding, counted, percent

SCALES = ((0.0, 1.0), (-1.0, 1.0), (1.0, 5.0), (0.0, 5.0), (0.0, 10.0), (0.0, 100.0))
"""Usual scales of similarity, the narrowest first."""
COVERED = 0.9
"""Share of the scores on a scale from which it counts as the intended one."""


class ScoreCheck:
    """Remembers every score of scored pairs, 8 bytes per row; and compares teacher scores within each row."""

    def __init__(self) -> None:
        self._scores = array("d")
        self._block: RowBlock | None = None
        self._above = Gathered()
        self._taught = 0

    def feed(self, block: RowBlock) -> None:
        """Look at scored content; other content has none."""
        if isinstance(block.content, ScoredPairs):
            self._block = block
            self._scores.extend(block.content.scores)
        elif isinstance(block.content, Rows) and block.content.teacher_scores is not None:
            for row, own in enumerate(block.content.teacher_scores):
                self._taught += len(own) > 1
                if len(own) > 1 and max(own[1:]) > own[0]:
                    self._above.add(block.places[block.start + row], block.content.anchors[row])

    def findings(self) -> list[Finding]:
        """One per kind."""
        share = percent(self._above.count / self._taught) if self._taught else ""
        return [
            *self._outside(),
            *self._above.finding(
                "negatives-above-positive",
                "note",
                f"in {counted(self._above.count, 'row')} ({share} of those with scores), a negative scores above the "
                "positive: it may be a false negative.",
                "Mine with a margin, or let a guide mask it.",
            ),
        ]

    def _outside(self) -> list[Finding]:
        scores = np.frombuffer(self._scores, dtype=np.float64)  # (n,)
        if not len(scores) or self._block is None:
            return []
        if scores.min() == scores.max():
            message = f"all {len(scores):,} scores are {scores[0]:g}."
            return [Finding("scores-all-the-same", "warning", len(scores), message, "Check which column is the score.")]
        inside = [(low, high) for low, high in SCALES if ((scores >= low) & (scores <= high)).mean() >= COVERED]
        if not inside:
            return []
        low, high = inside[0]
        found = Gathered()
        for row in np.flatnonzero((scores < low) | (scores > high)).tolist():
            found.add(f"{self._block.places[row]}: {scores[row]:g}")
        verb = "score lies" if found.count == 1 else "scores lie"
        return found.finding(
            "scores-out-of-range",
            graded(found.count, len(scores)),
            f"{found.count:,} {verb} outside the range {low:g} to {high:g} of the others.",
            "Correct them; the highest score decides which pairs become positives.",
        )
