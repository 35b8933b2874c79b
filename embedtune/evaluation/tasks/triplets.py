"""Triplets: is the positive nearer to the anchor than every one of its negatives?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from embedtune.evaluation.tasks.items import ItemScores, ItemSet


@dataclass(frozen=True)
class TripletSet(ItemSet):
    """Anchors with a positive and one or more negatives each.

    Args:
        queries: (n,) anchors.
        documents: (m,) distinct positives and negatives.
        places: (n, 1 + N) int64: the positive, then the negatives of each; -1 where there are fewer.
    """

    kind: ClassVar[str] = "triplets"
    items: ClassVar[str] = "triplets"

    places: np.ndarray

    @property
    def positions(self) -> np.ndarray:
        """(n, 1 + N)."""
        return self.places

    def judge(self, scores: np.ndarray, *, seed: int) -> ItemScores:
        """Accuracy and mean margin, of scores (n, 1 + N).

        Accuracy is the share of positives above all of their negatives. A tie counts as wrong, so a system that cannot
        tell texts apart scores 0. The margin is the positive's score minus the highest score of the negatives.
        """
        nearest = np.where(self.places[:, 1:] < 0, -np.inf, scores[:, 1:]).max(axis=1)  # (n,)
        margins = scores[:, 0].astype(np.float64) - nearest  # (n,)
        values = {"accuracy": (margins > 0).astype(np.float64), "margin": margins}  # (n,) each
        return ItemScores(
            metrics={name: float(one.mean()) for name, one in values.items()},
            intervals={name: self.interval_of_mean(one, seed=seed) for name, one in values.items()},
            values=values,
        )


def triplets(anchors: Sequence[str], positives: Sequence[str], negatives: Sequence[Sequence[str]]) -> TripletSet:
    """The set of rows that each have at least one negative; a text that occurs in several is scored as one document."""
    numbers: dict[str, int] = {}
    places = np.full((len(anchors), 1 + max(map(len, negatives), default=0)), -1)  # (n, 1 + N)
    for row, texts in enumerate(zip(positives, negatives, strict=True)):
        own = [numbers.setdefault(text, len(numbers)) for text in (texts[0], *texts[1])]
        places[row, : len(own)] = own
    return TripletSet(anchors, list(numbers), places)
