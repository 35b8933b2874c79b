"""A block of queries as the filters see it: candidates, what is known about them, and other models' scores."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from embedtune.mining.candidate_block import PADDING, CandidateBlock, belongs, repeated
from embedtune.workflows.mine.candidate_search import CandidateSearch
from embedtune.workflows.mine.judges.judge import Judges, least
from embedtune.workflows.mine.known_copies import read_copies


@dataclass(frozen=True)
class QueryBlock:
    """Queries, their positives and their candidates.

    Args:
        number: of the block.
        queries: (Q,) int64 query numbers.
        positives: (P, 2) int64 pairs (query number in the block, document position), queries in order.
        positive_scores: (P,) float32, their similarity.
        candidates: the candidates of the queries.
    """

    number: int
    queries: np.ndarray
    positives: np.ndarray
    positive_scores: np.ndarray
    candidates: CandidateBlock

    def least_similar(self, query: int) -> int:
        """The document position of a query's least similar positive."""
        own = np.flatnonzero(self.positives[:, 0] == query)
        return int(self.positives[own[np.argmin(self.positive_scores[own])], 1])


def read_block(search: CandidateSearch, number: int, judges: Judges | None = None) -> QueryBlock:
    """One block, from what the earlier stages left on disk."""
    asked = judges or Judges()
    documents, queries, found = search.documents, search.blocks[number], search.found(number)
    positives = search.positives_of(number) - np.array([queries[0], 0])  # (P, 2)
    near = documents.positives_near(positives)  # (P, 2)
    own = np.arange(len(queries))
    scores = search.scores(queries[positives[:, 0]], positives[:, 1:])[:, 0]  # (P,)
    near_ids = np.where(found == PADDING, 0, documents.near_ids[found])  # (Q, K)
    same_text = np.concatenate([near, np.stack([own, documents.query_near_ids[queries]], axis=1)])
    candidates = CandidateBlock(
        documents=found,
        scores=search.scores(queries, found),
        positive_scores=least(scores, positives[:, 0], len(queries)),
        known=_listed(search, number, found, positives),
        duplicates=belongs(near_ids, same_text) | repeated(near_ids),
        copies=belongs(found, read_copies(search).of(positives, queries)),
        same_group=_same_group(search, queries, found),
        marked=_marked(search, queries, found),
        guide=None if asked.guide is None else asked.guide.opinion(number, found),
        cross_encoder=None if asked.cross is None else asked.cross.opinion(number, found),
        teacher=None if asked.teacher is None else asked.teacher.opinion(number, found),
    )
    return QueryBlock(number, queries, positives, scores, candidates)


def text_ids_of(search: CandidateSearch, found: np.ndarray) -> np.ndarray:
    """int64 (Q, K): text ids of documents; 0 at padding."""
    return np.where(found == PADDING, 0, np.asarray(search.documents.corpus.text_ids)[found])  # (Q, K)


def _listed(search: CandidateSearch, number: int, found: np.ndarray, positives: np.ndarray) -> np.ndarray:
    """Known positives, also of queries of the same normal form, and the query's own text: bool (Q, K)."""
    queries = search.blocks[number]
    positives = np.concatenate([positives, search.documents.positives_of_twins(queries)])
    itself = np.stack([np.arange(len(queries)), search.documents.pairs.query_ids[queries]], axis=1)  # (Q, 2)
    return belongs(found, positives) | belongs(text_ids_of(search, found), itself)  # (Q, K)


def _same_group(search: CandidateSearch, queries: np.ndarray, found: np.ndarray) -> np.ndarray | None:
    groups = search.documents.groups
    if groups is None:
        return None
    of_document, of_query = groups
    own = of_query[queries][:, None]  # (Q, 1)
    return (of_document[found] == own) & (own != 0) & (found != PADDING)  # (Q, K)


def _marked(search: CandidateSearch, queries: np.ndarray, found: np.ndarray) -> np.ndarray | None:
    """Candidates that a person marked negative: bool (Q, K)."""
    decisions = search.documents.decisions
    if decisions is None:
        return None
    pairs = decisions.negative_ids  # (M, 2), text ids of queries and candidates
    numbers = {identity: place for place, identity in enumerate(search.documents.pairs.query_ids[queries].tolist())}
    local = [(numbers[query], candidate) for query, candidate in pairs.tolist() if query in numbers]
    return belongs(text_ids_of(search, found), np.array(local, dtype=np.int64))  # (Q, K)


_FILLING = {
    "documents": PADDING,
    "scores": np.nan,
    "known": False,
    "duplicates": False,
    "copies": False,
    "same_group": False,
    "marked": False,
}


def gathered(parts: Sequence[tuple[CandidateBlock, np.ndarray]]) -> CandidateBlock:
    """Chosen rows of several blocks as one block, as wide as the widest, without other models' scores.

    Args:
        parts: candidates, and the rows (R,) to take from them.
    """
    width = max(candidates.documents.shape[1] for candidates, _ in parts)

    def joined(name: str) -> np.ndarray | None:
        values = [(getattr(candidates, name), rows) for candidates, rows in parts]
        if values[0][0] is None:
            return None
        wide = [((0, 0), (0, width - value.shape[1])) for value, _ in values]
        return np.concatenate(
            [
                np.pad(value[rows], around, constant_values=_FILLING[name])
                for (value, rows), around in zip(values, wide, strict=True)
            ]
        )

    changed: dict[str, Any] = {name: joined(name) for name in _FILLING}
    return replace(
        parts[0][0],
        **changed,
        positive_scores=np.concatenate([candidates.positive_scores[rows] for candidates, rows in parts]),
        guide=None,
        cross_encoder=None,
        teacher=None,
    )
