"""Dev scores of a cross-encoder in training, alone and together with the encoder whose ranking it reorders."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from embedtune.data.look import RERANKED_DEV_QUERIES
from embedtune.data.rows import RetrievalSet
from embedtune.evaluation.reranking import mixes, opinions, reordered
from embedtune.evaluation.tasks.judged_arrays import JudgedSet
from embedtune.evaluation.tasks.retrieval import score_ranking
from embedtune.models.cross.cross_encoder import PairScorer
from embedtune.progress import Progress
from embedtune.training.reranker.fit import ALONE, MIX
from embedtune.workflows.shared.scoring import DEV_METRICS, PRIMARY, SELECTION, Measured


@dataclass(frozen=True)
class DevReranking:
    """Some dev queries and the encoder's ranking of their documents.

    Args:
        judged: the queries.
        first: as the encoder ranks.
        scorer: the cross-encoder, which is learning.
        depth: how many documents of each query it reorders.
    """

    judged: JudgedSet
    first: Measured
    scorer: PairScorer
    depth: int

    def scores(self, tell: Progress) -> Mapping[str, float]:
        """Means with the best weight of the encoder's cosine, that weight, and what the score is without it."""
        ranking = self.first.ranking
        found = opinions(ranking, self.judged, self.scorer.scores, self.depth, progress=tell)
        means = {
            mix: score_ranking(reordered(ranking, self.judged, found, mix), self.judged, DEV_METRICS).means
            for mix in mixes(ranking, found)
        }
        best = max(means, key=lambda mix: means[mix][SELECTION])  # the smallest of those that are level
        return {**means[best], MIX: best, ALONE: means[0.0][PRIMARY]}


def some_of(dev: RetrievalSet, seed: int) -> RetrievalSet:
    """At most `RERANKED_DEV_QUERIES` of the judged queries, drawn by `seed`, over the same documents."""
    judged = sorted(query for query, grades in dev.qrels.items() if any(grade > 0 for grade in grades.values()))
    if len(judged) <= RERANKED_DEV_QUERIES:
        return dev
    drawn = set(np.random.default_rng(seed).choice(judged, RERANKED_DEV_QUERIES, replace=False).tolist())
    queries = {query: text for query, text in dev.queries.items() if query in drawn}
    return replace(dev, queries=queries, qrels={query: dev.qrels[query] for query in queries})
