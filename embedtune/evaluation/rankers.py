"""Ways to rank the documents of a judged set: by vectors, by shared words, or by a ranking made elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from embedtune.config.systems import Quantisation
from embedtune.evaluation.ranking import id_ranks, rank
from embedtune.evaluation.tasks.judged_arrays import JudgedSet
from embedtune.search.bm25 import Bm25
from embedtune.search.dense import top_k
from embedtune.search.quantised import top_k_quantised

Run = Mapping[str, Mapping[str, float]]
"""Query id -> document id -> score."""


@dataclass(frozen=True)
class Ranking:
    """The first K documents of each of the Q queries of a judged set, best first, without the query's own text.

    Args:
        scores: (Q, K) float32, -inf where there are no more.
        positions: (Q, K) int64 document numbers; -1 where there are no more, and for documents outside the corpus.
        scored: places whose scores are a judgment; those of later ones only keep the order. None: all are.
    """

    scores: np.ndarray
    positions: np.ndarray
    scored: int | None = None


def by_vectors(
    queries: np.ndarray,
    documents: np.ndarray,
    k: int,
    judged: JudgedSet,
    *,
    quantised: Quantisation | None = None,
) -> Ranking:
    """Rank by inner product.

    Args:
        queries: (Q, D), in the order of the set's queries.
        documents: (C, D).
        k: how many documents a query gets, >= 1.
        judged: the set.
        quantised: how the document vectors are stored, if not in full.
    """
    search = partial(top_k_quantised, quantised) if quantised else top_k
    wanted = k + judged.most_selves()
    return _without_selves(*search(queries, documents, wanted, tie_rank=judged.document_ranks), k, judged)


def by_words(k: int, judged: JudgedSet, index: Bm25 | None = None) -> Ranking:
    """Rank by BM25; documents that share no word with the query are not ranked. The index is made if not given."""
    wanted = k + judged.most_selves()
    found = (index or Bm25(judged.documents)).top_k(judged.queries, wanted, tie_rank=judged.document_ranks)
    return _without_selves(*found, k, judged)


def by_run(run: Run, judged: JudgedSet) -> Ranking:
    """Rank as a run does: by its scores and ties by id, ignoring the ranks it states, as trec_eval does.

    A document that is not in the corpus keeps its rank and is not relevant. A query missing from the run has no
    ranking.
    """
    number = {document_id: i for i, document_id in enumerate(judged.document_ids)}
    depth = max((len(run.get(query, ())) for query in judged.query_ids), default=0)
    scores = np.full((len(judged.query_ids), max(depth, 1)), -np.inf, dtype=np.float32)  # (Q, K)
    positions = np.full(scores.shape, -1, dtype=np.int64)  # (Q, K)
    for row, query in enumerate(judged.query_ids):
        ids, found = best_first(run.get(query, {}))
        scores[row, : len(ids)] = found
        positions[row, : len(ids)] = [number.get(document, -1) for document in ids]
    return _without_selves(scores, positions, scores.shape[1], judged)


def best_first(found: Mapping[str, float]) -> tuple[list[str], np.ndarray]:
    """The documents that a run has for a query, in order, and their scores (n,) float32; too large ones are infinite.

    >>> best_first({"a": 0.5, "b": 0.5, "c": 1e300})[0]
    ['c', 'b', 'a']
    """
    ids = list(found)
    with np.errstate(over="ignore"):
        scores = np.array(list(found.values()), dtype=np.float32)  # (n,)
    order = rank(scores, id_ranks(ids))  # (n,)
    return [ids[i] for i in order.tolist()], scores[order]


def prefix(vectors: np.ndarray, dimensions: int, *, normalise: bool) -> np.ndarray:
    """The first components of vectors: (n, dimensions), scaled to length 1 again, or as they come."""
    return unit_prefix(vectors, dimensions) if normalise else vectors[:, :dimensions]


def unit_prefix(vectors: np.ndarray, dimensions: int) -> np.ndarray:
    """The first components of vectors, scaled to length 1 again: (n, dimensions); a zero vector stays zero.

    >>> unit_prefix(np.array([[3.0, 4.0, 12.0], [0.0, 0.0, 1.0]]), 2).tolist()
    [[0.6, 0.8], [0.0, 0.0]]
    """
    cut = vectors[:, :dimensions]
    lengths = np.linalg.norm(cut, axis=1, keepdims=True)
    return np.divide(cut, lengths, out=np.zeros_like(cut), where=lengths > 0)  # (n, dimensions)


def _without_selves(scores: np.ndarray, positions: np.ndarray, k: int, judged: JudgedSet) -> Ranking:
    """The first k of ranked documents without the query's own text; those behind it move up."""
    own = judged.is_self(positions)  # (Q, K)
    order = np.argsort(own, axis=1, kind="stable")[:, :k]  # (Q, k)
    own = np.take_along_axis(own, order, axis=1)
    return Ranking(
        scores=np.where(own, -np.inf, np.take_along_axis(scores, order, axis=1)).astype(np.float32),
        positions=np.where(own, -1, np.take_along_axis(positions, order, axis=1)),
    )
