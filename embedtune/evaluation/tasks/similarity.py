"""Pairs of sentences that people scored for similarity (STS): does a system order them as people did?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from embedtune.evaluation.correlation import (
    Ties,
    contributions,
    pearson,
    resampled_spearman,
    smallest_effect,
    spearman,
    swapped_spearman,
)
from embedtune.evaluation.tasks.items import ItemScores, ItemSet, bootstrap, interval_of
from embedtune.evaluation.verdicts.significance import Comparison, verdict_of


@dataclass(frozen=True)
class SimilaritySet(ItemSet):
    """Scored pairs. Similarity is symmetric, so both sentences get the query prompt.

    Args:
        queries: (n,) the first sentences.
        documents: (n,) the second ones.
        truth: (n,) float64, human scores on any scale; higher is more similar.
    """

    kind: ClassVar[str] = "similarity"
    items: ClassVar[str] = "pairs"
    document_role: ClassVar[Literal["query", "document"]] = "query"

    truth: np.ndarray

    @property
    def texts(self) -> Sequence[str]:
        """Both sentences."""
        return [f"{first} | {second}" for first, second in zip(self.queries, self.documents, strict=True)]

    @property
    def expected(self) -> Sequence[float | str]:
        """The human scores."""
        return self.truth.tolist()

    @property
    def positions(self) -> np.ndarray:
        """(n, 1): each with its own second sentence."""
        return np.arange(len(self.queries))[:, None]

    def judge(self, scores: np.ndarray, *, seed: int) -> ItemScores:
        """Spearman's and Pearson's correlation with the truth, of scores (n, 1)."""
        own = scores[:, 0].astype(np.float64)  # (n,)
        drawn = resampled_spearman(Ties(own), Ties(self.truth), seed=seed)
        linear = bootstrap(len(own), lambda counts: pearson(own, self.truth, counts), seed=seed)
        return ItemScores(
            metrics={"spearman": spearman(own, self.truth), "pearson": float(pearson(own, self.truth))},
            intervals={"spearman": interval_of(drawn), "pearson": interval_of(linear)},
            values={
                "spearman": contributions(Ties(own).average_ranks, Ties(self.truth).average_ranks),
                "pearson": contributions(own, self.truth),
            },
            answers=own.tolist(),
        )

    def compare(self, before: ItemScores, after: ItemScores, *, seed: int) -> Comparison:
        """Whether the rank correlation of one system is higher than that of another on the same pairs."""
        first, second = np.array(before.answers), np.array(after.answers)  # (n,) each
        drawn = [resampled_spearman(Ties(one), Ties(self.truth), seed=seed) for one in (first, second)]
        change = drawn[1] - drawn[0]  # (draws,): one seed, the same pairs
        p_value = swapped_spearman(first, second, self.truth, seed=seed)
        difference = after.metrics["spearman"] - before.metrics["spearman"]
        return Comparison(
            metric="spearman",
            on="all",
            queries=len(self.queries),
            before=before.metrics["spearman"],
            after=after.metrics["spearman"],
            difference=difference,
            interval=interval_of(change),
            p_value=p_value,
            minimum_detectable_effect=smallest_effect(change),
            verdict=verdict_of(difference, p_value),
            items=self.items,
        )
