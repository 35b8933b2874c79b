"""Pairs of query and document with a label, as a cross-encoder learns from them."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class LabelledPairs:
    """n pairs of texts that match (1) or do not (0).

    Args:
        queries: (n,) texts.
        documents: (n,) texts.
        labels: (n,) 1.0 or 0.0.
    """

    queries: Sequence[str]
    documents: Sequence[str]
    labels: Sequence[float]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def positive_weight(self) -> float:
        """Negatives per positive: the weight with which both sides count alike; at least 1."""
        positives = sum(self.labels)
        return max(1.0, (len(self) - positives) / max(1.0, positives))


def labelled(
    anchors: Sequence[str], positives: Sequence[str], negatives: Sequence[Sequence[str]], most: int
) -> LabelledPairs:
    """Each pair, followed by its first `most` negatives.

    >>> labelled(["q"], ["p"], [["a", "b", "c"]], 2).labels
    [1.0, 0.0, 0.0]
    """
    queries: list[str] = []
    documents: list[str] = []
    labels: list[float] = []
    for anchor, positive, others in zip(anchors, positives, negatives, strict=True):
        taken = list(others)[:most]
        queries += [anchor] * (1 + len(taken))
        documents += [positive, *taken]
        labels += [1.0] + [0.0] * len(taken)
    return LabelledPairs(queries, documents, labels)
