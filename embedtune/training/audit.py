"""What a guide is worth, on held-out pairs: one that does not know the positives masks the wrong candidates."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from embedtune.data.rows import RetrievalSet

WEAK_FIRST_SHARE = 0.5
HEAVY_MASKED_SHARE = 0.05
MOST_PAIRS = 2048
TIE = 1e-6


@dataclass(frozen=True)
class Margin:
    """How far below the positive a candidate already counts as a false negative."""

    value: float = 0.0
    relative: bool = False

    def threshold(self, positive: np.ndarray) -> np.ndarray:
        """The guide similarity above which a candidate is dropped.

        >>> float(Margin(0.1, relative=True).threshold(np.array(-0.5)))
        -0.55
        """
        return positive - self.value * (np.abs(positive) if self.relative else 1.0)


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


@dataclass(frozen=True)
class HeldOut:
    """Judged pairs that training does not see, in a seeded order so that neighbours in the file do not share a batch.

    Args:
        anchors: query texts.
        positives: a relevant document of each.
        documents: ids of the positives, and per pair the ids of all documents relevant to its query.
    """

    anchors: list[str]
    positives: list[str]
    documents: list[str]
    relevant: list[frozenset[str]]


def held_out_pairs(dev: RetrievalSet, seed: int = 0) -> HeldOut:
    """Up to 2,048 pairs (query, relevant document) of the dev split."""
    pairs = [
        (query, document, frozenset(one for one, grade in grades.items() if grade > 0))
        for query, grades in dev.qrels.items()
        for document, grade in grades.items()
        if grade > 0 and query in dev.queries
    ]
    order = np.random.default_rng(seed).permutation(len(pairs))[:MOST_PAIRS]
    chosen = [pairs[i] for i in order]
    return HeldOut(
        anchors=[dev.queries[query] for query, _, _ in chosen],
        positives=[dev.corpus[document] for _, document, _ in chosen],
        documents=[document for _, document, _ in chosen],
        relevant=[relevant for _, _, relevant in chosen],
    )


def audit_guide(
    pairs: HeldOut, anchors: np.ndarray, positives: np.ndarray, *, batch_size: int, margin: Margin, step: int = 0
) -> GuideAudit | None:
    """Audit a guide on held-out pairs; documents relevant to the same query are not counted against it.

    Args:
        pairs: P pairs.
        anchors: (P, G) the guide's normalised vectors of their queries.
        positives: (P, G) and of their documents.
        batch_size: candidates per anchor, as in the run.
        margin: value and strategy of the run.
        step: when the snapshot was taken.

    Returns: the audit, or None where no pair has another to be compared with.
    """
    first = masked = candidates = rows = 0
    for batch in _batches(len(anchors), batch_size):
        similarity = anchors[batch] @ positives[batch].T  # (B, B)
        own = similarity.diagonal()[:, None]  # (B, 1)
        others = np.array(
            [[document not in relevant for document in pairs.documents[batch]] for relevant in pairs.relevant[batch]]
        )  # (B, B)
        first += int(((similarity < own) | ~others).all(axis=1).sum())
        masked += int(((similarity > margin.threshold(own) + TIE) & others).sum())
        candidates += int(others.sum())
        rows += len(own)
    if not candidates:
        return None
    return GuideAudit(rows, min(batch_size, len(anchors)), first / rows, masked / candidates, margin.value, step)


def _batches(rows: int, size: int) -> Iterator[slice]:
    """Slices of nearly equal size, so that no batch holds one pair alone."""
    number = -(-rows // size) if rows > 1 else 0
    for index in range(number):
        yield slice(rows * index // number, rows * (index + 1) // number)
