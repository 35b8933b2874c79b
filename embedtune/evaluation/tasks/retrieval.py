"""Scores of an encoder on a retrieval set: encode, search exactly, rank, look up grades; one value per query."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from embedtune.errors import DataError, ModelError
from embedtune.evaluation.metrics import parse_metric
from embedtune.evaluation.rankers import Ranking, by_vectors
from embedtune.evaluation.tasks.judged_arrays import JudgedSet
from embedtune.evaluation.verdicts.query_groups import QueryGroups

Encode = Callable[[Sequence[str]], np.ndarray]


@dataclass(frozen=True)
class RetrievalScores:
    """Per-query values of every metric.

    Args:
        query_ids: the queries scored, in order: those with a relevant document.
        per_query: metric -> (queries,) float64.
        documents: how many documents were searched.
        groups: which queries count as one in tests and intervals; None: each counts by itself.
    """

    query_ids: tuple[str, ...]
    per_query: Mapping[str, np.ndarray]
    documents: int = 0
    groups: QueryGroups | None = None

    def __len__(self) -> int:
        return len(self.query_ids)

    @property
    def means(self) -> dict[str, float]:
        """Metric -> mean over the queries; 0 when there are none."""
        return {name: float(values.mean()) if len(values) else 0.0 for name, values in self.per_query.items()}

    def only(self, query_ids: Collection[str]) -> "RetrievalScores":
        """The scores of these queries, in the order they have here; ids that were not scored are ignored."""
        wanted = set(query_ids)
        kept = [i for i, query_id in enumerate(self.query_ids) if query_id in wanted]
        return replace(
            self,
            query_ids=tuple(self.query_ids[i] for i in kept),
            per_query={name: values[kept] for name, values in self.per_query.items()},
            groups=None if self.groups is None else self.groups.take(kept),
        )


def rank_encoded(encode_queries: Encode, encode_documents: Encode, judged: JudgedSet, depth: int) -> Ranking:
    """The first `depth` documents that an encoder finds for every query.

    Raises:
        ModelError: the encoder returned vectors of the wrong shape, or values that are not finite.
    """
    queries = _encoded(encode_queries, judged.queries, "queries")  # (Q, D)
    return by_vectors(queries, _encoded(encode_documents, judged.documents, "documents"), depth, judged)


def demand_judged(judged: JudgedSet) -> None:
    """Refuse a set on which nothing can be scored.

    Raises:
        DataError: no query has a relevant document, or the corpus is empty.
    """
    if not judged.query_ids or not judged.documents:
        lacking = "document" if not judged.documents else "query with a relevant document"
        raise DataError(f"there is no {lacking} in {judged.name}, so nothing can be scored on it", where=judged.name)


def score_ranking(ranking: Ranking, judged: JudgedSet, metrics: Sequence[str]) -> RetrievalScores:
    """Score a ranking, whoever made it. One that is shorter than a metric's cutoff simply ends.

    Raises:
        ConfigError: a metric is unknown.
    """
    ranked = judged.grades_of(ranking.positions)  # (Q, K)
    return RetrievalScores(
        query_ids=judged.query_ids,
        per_query={str(metric): metric(ranked, judged.judged) for metric in map(parse_metric, metrics)},
        documents=len(judged.documents),
        groups=judged.groups,
    )


def _encoded(encode: Encode, texts: Sequence[str], role: str) -> np.ndarray:
    vectors = np.asarray(encode(texts))
    if vectors.ndim != 2 or len(vectors) != len(texts):
        raise ModelError(
            f"the encoder returned an array of shape {vectors.shape} for {len(texts):,} {role}; one row each is needed"
        )
    return vectors
