"""What `embedtune search` opens: a corpus that answers queries under every system."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from embedtune.models.encode.encode import encode
from embedtune.models.encoder import Encoder
from embedtune.reports.results.search import FoundDocument, SearchAnswer, SearchResult
from embedtune.search.bm25 import Bm25
from embedtune.search.dense import top_k

Found = tuple[np.ndarray, np.ndarray]
"""Scores (k,) and positions (k,) of the documents for one query, best first, padded with position -1."""


class Finder(Protocol):
    """A system that finds documents."""

    def find(self, query: str, k: int) -> Found:
        """The k best documents."""


@dataclass(frozen=True)
class ByVectors:
    """An encoder with the vectors of the corpus.

    Args:
        queries: encodes the queries.
        documents: (C, D).
        ties: (C,) order of tied documents.
    """

    queries: Encoder
    documents: np.ndarray
    ties: np.ndarray

    def find(self, query: str, k: int) -> Found:
        """The documents nearest to the query."""
        scores, positions = top_k(encode(self.queries, [query], role="query"), self.documents, k, tie_rank=self.ties)
        return scores[0], positions[0]


@dataclass(frozen=True)
class ByWords:
    """BM25 over the corpus."""

    index: Bm25
    ties: np.ndarray

    def find(self, query: str, k: int) -> Found:
        """The documents that share the most distinctive words with the query."""
        scores, positions = self.index.top_k([query], k, tie_rank=self.ties)
        return scores[0], positions[0]


@dataclass(frozen=True)
class SearchableCorpus:
    """A corpus that can be searched.

    Args:
        data: what is searched, in words.
        ids: (C,) of the documents.
        texts: (C,) the documents.
        finders: label -> system.
        top: results per query.
    """

    data: str
    ids: Sequence[str]
    texts: Sequence[str]
    finders: Mapping[str, Finder]
    top: int

    def ask(self, query: str) -> SearchAnswer:
        """What each system finds; every result has its rank in the other systems, None if they do not find it.

        Args:
            query: as it was typed.
        """
        found = {label: finder.find(query, self.top) for label, finder in self.finders.items()}
        ranks = {
            label: {int(place): rank for rank, place in enumerate(places, 1) if place >= 0}
            for label, (_, places) in found.items()
        }
        results = {
            label: tuple(
                FoundDocument(
                    rank=rank,
                    score=float(scores[rank - 1]),
                    document=self.ids[place],
                    text=self.texts[place],
                    others={other: ranks[other].get(place) for other in found if other != label},
                )
                for place, rank in ranks[label].items()
            )
            for label, (scores, _) in found.items()
        }
        return SearchAnswer(query, results)

    def result(self, answers: Sequence[SearchAnswer]) -> SearchResult:
        """What the queries asked so far found."""
        return SearchResult(self.data, tuple(self.finders), self.top, tuple(answers))
