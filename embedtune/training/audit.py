"""What a guide is worth, on held-out pairs: one that does not know the positives masks the wrong candidates."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from embedtune.data.rows import RetrievalSet

WEAK_FIRST_SHARE = 0.5
HEAVY_MASKED_SHARE = 0.05
MOST_PAIRS = 2048


@dataclass(frozen=True)
class GuideAudit:
    """How a guide treats held-out pairs in batches as large as the run's.

    Args:
        pairs: how many pairs were looked at.
        batch_size: candidates per anchor.
        positive_first_share: share of anchors whose positive the guide ranks above every other candidate.
        masked_share: share of the other candidates that it would drop as false negatives.
        margin: the margin used.
        step: the training step of the snapshot, 0 for a frozen guide.
    """

    pairs: int
    batch_size: int
    positive_first_share: float
    masked_share: float
    margin: float
    step: int = 0

    @property
    def weak(self) -> bool:
        """Whether dropping by this guide is likely to hurt."""
        return self.positive_first_share < WEAK_FIRST_SHARE or self.masked_share > HEAVY_MASKED_SHARE

    @property
    def sentence(self) -> str:
        """The audit in words."""
        return (
            f"on {self.pairs:,} held-out pairs in batches of {self.batch_size} it ranks the positive first for "
            f"{self.positive_first_share:.1%} and would drop {self.masked_share:.2%} of the other candidates "
            f"(margin {self.margin:g})"
        )


def held_out_pairs(dev: RetrievalSet) -> tuple[list[str], list[str]]:
    """Queries of the dev split and the best-graded document of each, up to 2,048 pairs."""
    anchors, positives = [], []
    for query_id, grades in dev.qrels.items():
        relevant = {document: grade for document, grade in grades.items() if grade > 0}
        if query_id in dev.queries and relevant:
            best = max(relevant, key=lambda document: (relevant[document], document))
            anchors.append(dev.queries[query_id])
            positives.append(dev.corpus[best])
        if len(anchors) == MOST_PAIRS:
            break
    return anchors, positives


def audit_guide(
    anchors: np.ndarray, positives: np.ndarray, *, batch_size: int, margin: float, relative: bool = False, step: int = 0
) -> GuideAudit | None:
    """Audit a guide from its normalised vectors of held-out pairs, both (P, G); None with fewer than two pairs.

    >>> perfect = np.eye(4, dtype=np.float32)
    >>> audit = audit_guide(perfect, perfect, batch_size=4, margin=0.0)
    >>> audit.positive_first_share, audit.masked_share
    (1.0, 0.0)
    """
    first = masked = candidates = rows = 0
    for batch in _batches(len(anchors), batch_size):
        similarity = anchors[batch] @ positives[batch].T  # (B, B)
        own = similarity.diagonal().copy()  # (B,)
        threshold = own - margin * (np.abs(own) if relative else 1.0)
        others = ~np.eye(len(own), dtype=bool)
        first += int(((similarity < own[:, None]) | ~others).all(axis=1).sum())
        masked += int(((similarity > threshold[:, None] + 1e-6) & others).sum())
        candidates += int(others.sum())
        rows += len(own)
    if not candidates:
        return None
    return GuideAudit(rows, min(batch_size, len(anchors)), first / rows, masked / candidates, margin, step)


def _batches(rows: int, size: int) -> Iterator[slice]:
    """Slices of nearly equal size, so that no batch holds one pair alone."""
    if rows < 2:
        return
    number = -(-rows // size)
    for index in range(number):
        yield slice(rows * index // number, rows * (index + 1) // number)
