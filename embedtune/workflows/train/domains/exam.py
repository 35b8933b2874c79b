"""The test queries of all domains, which every stage answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from embedtune.data.domains.cut import Domain
from embedtune.data.rows import RetrievalSet
from embedtune.evaluation.query_groups import QueryGroups
from embedtune.evaluation.tasks.judged_arrays import JudgedSet, as_arrays
from embedtune.evaluation.tasks.question import questions_of
from embedtune.evaluation.tasks.retrieval import RetrievalScores
from embedtune.models.encoder import Encoder
from embedtune.workflows.shared.scoring import METRICS, measure


@dataclass(frozen=True)
class Exam:
    """Q queries of D domains.

    Args:
        sets: domains that share a corpus are one set, so that it is encoded once per stage.
        domains: (Q,) the number of each query's domain; the queries of the sets one after another.
        query_ids: (Q,) with the name of their set in front where there are several.
        groups: which queries count as one in tests and intervals; None: each counts by itself.
        unseen: ids of those whose relevant documents were never training positives.
    """

    sets: tuple[JudgedSet, ...]
    domains: np.ndarray
    query_ids: tuple[str, ...]
    groups: QueryGroups | None
    unseen: frozenset[str]

    @classmethod
    def of(cls, domains: Sequence[Domain]) -> "Exam":
        """The exam of these domains, each of which has test queries."""
        sets: dict[int, RetrievalSet] = {}
        number_of: dict[tuple[int, str], int] = {}
        for number, one in enumerate(domains):
            if one.data.test is not None:
                key = id(one.data.test.corpus)
                sets[key] = _together(sets.get(key), one.data.test, one.name)
                number_of |= {(key, query): number for query in one.data.test.queries}
        judged = {key: as_arrays(own) for key, own in sets.items()}
        asked = [(key, query) for key, own in judged.items() for query in own.query_ids]
        several = len(sets) > 1
        names = {(key, query): f"{sets[key].name}: {query}" if several else query for key, query in asked}
        unseen = {query for one in domains for query in one.data.unseen}
        return cls(
            tuple(judged.values()),
            np.array([number_of[one] for one in asked], dtype=np.int64),
            tuple(names[one] for one in asked),
            _groups(list(judged.values())),
            frozenset(names[key, query] for key, query in asked if query in unseen),
        )

    @property
    def texts(self) -> dict[str, str]:
        """Query id -> text."""
        return dict(zip(self.query_ids, chain.from_iterable(own.queries for own in self.sets), strict=True))

    def score(self, encoder: Encoder) -> RetrievalScores:
        """The scores of an encoder on all queries; the vectors of a stage are of no use later, so none are stored."""
        found = [measure(encoder, own).scores for own in self.sets]
        return self.scores({name: np.concatenate([own.per_query[name] for own in found]) for name in METRICS})

    def scores(self, per_query: Mapping[str, np.ndarray]) -> RetrievalScores:
        """Values of all queries as scores."""
        documents = sum(len(own.documents) for own in self.sets)
        return RetrievalScores(self.query_ids, dict(per_query), documents, self.groups)

    def asked(self) -> list[dict[str, str]]:
        """(Q,) what each query asks, as lines of values per query say it."""
        marked = ((questions_of(own), len(own.queries)) for own in self.sets)
        return [marks.of(place) for marks, count in marked for place in range(count)]


def _together(first: RetrievalSet | None, second: RetrievalSet, name: str) -> RetrievalSet:
    """The queries of two domains with the same corpus; the groups of a query go with it."""
    if first is None:
        return replace(second, name=name)
    return replace(
        first,
        name=f"{first.name}, {name}",
        queries={**first.queries, **second.queries},
        qrels={**first.qrels, **second.qrels},
    )


def _groups(sets: Sequence[JudgedSet]) -> QueryGroups | None:
    """The groups of all sets, where all have some; those of several sets are told apart."""
    if any(own.groups is None for own in sets):
        return None
    columns = [own.groups.column for own in sets if own.groups is not None]
    names = [
        f"{own.name}: {name}" if len(sets) > 1 else name
        for own in sets
        if own.groups is not None
        for name in own.groups.names
    ]
    return QueryGroups.by(columns[0], names)
