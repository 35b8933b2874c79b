"""What a cross-encoder learns from: a query, the document that answers it, and documents that do not."""

from collections.abc import Sequence
from dataclasses import dataclass

RELEVANT = 16.0
"""The label of the right document, the others have 0: ListNet takes the softmax of the labels, which leaves all but a
millionth of it to the right one."""


@dataclass(frozen=True)
class CandidateLists:
    """n queries, each with its candidates.

    Args:
        queries: (n,) texts.
        documents: (n,) lists of two or more texts, the right one first.
    """

    queries: Sequence[str]
    documents: Sequence[Sequence[str]]

    def __len__(self) -> int:
        return len(self.queries)

    @property
    def longest(self) -> int:
        """Candidates of a query at most."""
        return max((len(own) for own in self.documents), default=0)

    @property
    def wrong(self) -> int:
        """Wrong documents in all lists."""
        return sum(len(own) - 1 for own in self.documents)

    @property
    def labels(self) -> list[list[float]]:
        """The label of every candidate, list by list."""
        return [[RELEVANT] + [0.0] * (len(own) - 1) for own in self.documents]


def candidate_lists(
    anchors: Sequence[str], positives: Sequence[str], negatives: Sequence[Sequence[str]], most: int
) -> CandidateLists:
    """Each anchor with its positive and its first `most` negatives; one without negatives teaches no order.

    >>> candidate_lists(["q", "r"], ["p", "s"], [["a", "b", "c"], []], 2)
    CandidateLists(queries=['q'], documents=[['p', 'a', 'b']])
    """
    lists = [
        (anchor, [positive, *list(others)[:most]])
        for anchor, positive, others in zip(anchors, positives, negatives, strict=True)
        if others
    ]
    return CandidateLists([anchor for anchor, _ in lists], [own for _, own in lists])
