"""How good a guide is, on held-out pairs: one that does not recognize the positives masks the wrong candidates."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from embedtune.data.rows import RetrievalSet, Rows
from embedtune.identity import text_ids

MARGINS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3)
"""The margins of the table in the report."""
MOST_PAIRS = 2048
MOST_IN_ONE_TOPIC = 0.5
"""If one component has a larger share of the pairs, being connected means nothing."""
TIE = 1e-6
ROWS = 256


@dataclass(frozen=True)
class MaskingMargin:
    """How far below the positive a candidate already counts as a false negative."""

    value: float = 0.0
    relative: bool = False

    def threshold(self, positive: np.ndarray) -> np.ndarray:
        """The guide similarity above which a candidate is dropped.

        >>> float(MaskingMargin(0.1, relative=True).threshold(np.array(-0.5)))
        -0.55
        """
        return positive - self.value * (np.abs(positive) if self.relative else 1.0)


@dataclass(frozen=True)
class MarginEffect:
    """The effect of a guide at one margin.

    Args:
        margin: the margin.
        masked_share: share of the candidates not known to be right that it would drop.
        found_share: share of those known to be right that it would find; None if none are known.
    """

    margin: float
    masked_share: float
    found_share: float | None


@dataclass(frozen=True)
class GuideAudit:
    """How a guide treats held-out pairs.

    Args:
        pairs: the number of pairs.
        batch_size: candidates per anchor, as in the run.
        positive_first_share: share of anchors whose positive the guide ranks above every other candidate of a batch.
        masked_share: share of the other candidates that it would drop as false negatives.
        margin: the margin used.
        step: the training step of the snapshot, 0 for a frozen guide.
        separation: how often the positive ranks above another candidate, ties counted half: 0.5 by chance, 1 at best.
        known: combinations of anchor and candidate, other than the pairs themselves, that are known to be right.
        others: those that are not.
        effects: of other margins.
    """

    pairs: int
    batch_size: int
    positive_first_share: float
    masked_share: float
    margin: float
    step: int = 0
    separation: float = 1.0
    known: int = 0
    others: int = 0
    effects: tuple[MarginEffect, ...] = ()

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
    """Judged pairs that training does not see, in a seeded order so that neighbors in the file do not share a batch.

    Args:
        anchors: query texts, P of them.
        positives: a relevant document of each.
        documents: ids of the positives, and per pair the ids of all documents relevant to its query.
        topics: (P,) pairs with the same number are connected by shared texts, and assumed to answer each other; None
            if not known.
    """

    anchors: list[str]
    positives: list[str]
    documents: list[str]
    relevant: list[frozenset[str]]
    topics: np.ndarray | None = None

    def take(self, numbers: list[int]) -> "HeldOut":
        """The pairs with these numbers."""
        return HeldOut(
            anchors=[self.anchors[i] for i in numbers],
            positives=[self.positives[i] for i in numbers],
            documents=[self.documents[i] for i in numbers],
            relevant=[self.relevant[i] for i in numbers],
            topics=None if self.topics is None else self.topics[numbers],
        )

    @cached_property
    def right(self) -> np.ndarray:
        """Which positives are right for which anchors: bool (P, P)."""
        judged = [[document in relevant for document in self.documents] for relevant in self.relevant]
        right = np.array(judged, dtype=bool).reshape(len(self.anchors), -1)  # (P, P)
        if self.topics is not None:
            right |= self.topics[:, None] == self.topics[None, :]
        return right

    @cached_property
    def same(self) -> np.ndarray:
        """Which positives are the same text as the anchor's own: bool (P, P)."""
        ids = text_ids(self.positives)  # (P,)
        return ids[:, None] == ids[None, :]  # (P, P)

    @property
    def known_share(self) -> float:
        """Of the combinations of an anchor and another positive, the share known to be right: 0 to 1."""
        known, others = self.right & ~self.same, ~self.right  # (P, P)
        return float(known.sum()) / max(1, int(known.sum()) + int(others.sum()))


def held_out_pairs(dev: RetrievalSet, seed: int = 0) -> HeldOut:
    """Up to 2,048 pairs (query, relevant document) of the dev split."""
    pairs = [
        (query, document, frozenset(one for one, grade in grades.items() if grade > 0))
        for query, grades in dev.qrels.items()
        for document, grade in grades.items()
        if grade > 0 and query in dev.queries and document in dev.corpus
    ]
    order = np.random.default_rng(seed).permutation(len(pairs))[:MOST_PAIRS]
    topics = _topics([dev.queries[query] for query, _, _ in pairs], [dev.corpus[document] for _, document, _ in pairs])
    chosen = [pairs[i] for i in order]
    return HeldOut(
        anchors=[dev.queries[query] for query, _, _ in chosen],
        positives=[dev.corpus[document] for _, document, _ in chosen],
        documents=[document for _, document, _ in chosen],
        relevant=[relevant for _, _, relevant in chosen],
        topics=None if topics is None else topics[order],
    )


def _topics(anchors: list[str], positives: list[str]) -> np.ndarray | None:
    """The component of each pair (P,), or None if too many are connected for this to mean anything."""
    if not anchors:
        return None
    from embedtune.data.splits.groups import groups_of  # loads scipy, and every reader of a result imports this file

    groups = groups_of(Rows(anchors, positives))
    return groups.of_row if groups.sizes.max() <= MOST_IN_ONE_TOPIC * len(anchors) else None


def audit_guide(
    pairs: HeldOut, anchors: np.ndarray, positives: np.ndarray, *, batch_size: int, margin: MaskingMargin, step: int = 0
) -> GuideAudit | None:
    """Audit a guide on held-out pairs; other documents known to be right for a query do not count against it.

    Args:
        pairs: P pairs.
        anchors: (P, G) the guide's normalised vectors of their queries.
        positives: (P, G) and of their documents.
        batch_size: candidates per anchor, as in the run.
        margin: value and strategy of the run.
        step: when the snapshot was taken.

    Returns: the audit, or None if no pair has another to compare with.
    """
    first = 0
    for batch in _batches(len(anchors), batch_size):
        similarity = anchors[batch] @ positives[batch].T  # (B, B)
        first += int(((similarity < similarity.diagonal()[:, None]) | pairs.right[batch, batch]).all(axis=1).sum())
    count = _Count((margin.value, *MARGINS), margin.relative)
    for rows in _batches(len(anchors), ROWS):
        count.add(pairs, anchors, positives, rows)
    if not count.others:
        return None
    own, *effects = count.effects()
    return GuideAudit(
        pairs=len(anchors),
        batch_size=min(batch_size, len(anchors)),
        positive_first_share=first / len(anchors),
        masked_share=own.masked_share,
        margin=margin.value,
        step=step,
        separation=count.below / count.others,
        known=count.known,
        others=count.others,
        effects=tuple(effects),
    )


class _Count:
    """Counts over all pairs of anchors and candidates: a batch has the same shares, but fewer of the known ones."""

    def __init__(self, margins: tuple[float, ...], relative: bool) -> None:
        self.margins = [MaskingMargin(value, relative) for value in margins]
        self.masked = np.zeros(len(margins), dtype=np.int64)
        self.found = np.zeros(len(margins), dtype=np.int64)
        self.others = self.known = 0
        self.below = 0.0

    def add(self, pairs: HeldOut, anchors: np.ndarray, positives: np.ndarray, rows: slice) -> None:
        similarity = anchors[rows] @ positives.T  # (R, P)
        place = np.arange(rows.start, rows.stop)
        own = similarity[np.arange(len(place)), place][:, None]  # (R, 1)
        # The same document again is the positive itself, which a guide never judges.
        known, others = pairs.right[rows] & ~pairs.same[rows], ~pairs.right[rows]  # (R, P)
        self.known += int(known.sum())
        self.others += int(others.sum())
        self.below += float(np.where(similarity < own, 1.0, 0.5 * (similarity == own))[others].sum())
        for i, margin in enumerate(self.margins):
            above = similarity > margin.threshold(own) + TIE  # (R, P)
            self.masked[i] += int((above & others).sum())
            self.found[i] += int((above & known).sum())

    def effects(self) -> list[MarginEffect]:
        return [
            MarginEffect(margin.value, int(masked) / self.others, int(found) / self.known if self.known else None)
            for margin, masked, found in zip(self.margins, self.masked, self.found, strict=True)
        ]


def _batches(rows: int, size: int) -> Iterator[slice]:
    """Slices of nearly equal size, so that no batch has a single pair."""
    number = -(-rows // size) if rows > 1 else 0
    for index in range(number):
        yield slice(rows * index // number, rows * (index + 1) // number)
