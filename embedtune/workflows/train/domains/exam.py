"""The test queries of all domains, which every stage answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np

from embedtune.data.domains.cut import Domain
from embedtune.data.rows import RetrievalSet
from embedtune.data.sets.choices import Choices
from embedtune.evaluation.tasks.retrieval import RetrievalScores
from embedtune.evaluation.verdicts.query_groups import QueryGroups
from embedtune.models.encoder import Encoder
from embedtune.signals import KNOWN
from embedtune.workflows.shared.scoring import PRIMARY, Judgment
from embedtune.workflows.train.domains.exam_part import ExamPart, chosen, ranked


@dataclass(frozen=True)
class Exam:
    """Q queries of D domains.

    Args:
        sets: of one kind; domains that share a corpus are one set, so that it is encoded once per stage.
        domains: (Q,) the number of each query's domain; the queries of the sets one after another.
        query_ids: (Q,) with the name of their set in front where there are several.
        groups: which queries count as one in tests and intervals; None: each counts by itself.
        unseen: ids of those whose relevant documents were never training positives.
    """

    sets: tuple[ExamPart, ...]
    domains: np.ndarray
    query_ids: tuple[str, ...]
    groups: QueryGroups | None
    unseen: frozenset[str]

    @classmethod
    def of(cls, domains: Sequence[Domain]) -> "Exam":
        """The exam of these domains, each of which has test queries."""
        found = [*_chosen(domains), *_ranked(domains)]
        sets = [own for own, _ in found]
        asked = [(own, query) for own in sets for query in own.query_ids]
        unseen = {query for one in domains for query in one.data.unseen}
        names = tuple(f"{own.name}: {query}" if len(sets) > 1 else query for own, query in asked)
        return cls(
            tuple(sets),
            np.concatenate([numbers for _, numbers in found]),
            names,
            _groups(sets),
            frozenset(name for name, (_, query) in zip(names, asked, strict=True) if query in unseen),
        )

    @property
    def metric(self) -> str:
        """What the matrix and the verdict are about."""
        return self.sets[0].metric

    @property
    def items(self) -> str:
        """What the queries are called, in the plural."""
        return self.sets[0].items

    @property
    def texts(self) -> dict[str, str]:
        """Query id -> what to show of it."""
        queries = chain.from_iterable(own.queries for own in self.sets)
        return dict(zip(self.query_ids, map(KNOWN.shown, queries), strict=True))

    def score(self, encoder: Encoder) -> RetrievalScores:
        """The scores of an encoder on all queries."""
        found = [own.values(encoder) for own in self.sets]
        return self.scores({name: np.concatenate([own[name] for own in found]) for name in found[0]})

    def scores(self, per_query: Mapping[str, np.ndarray]) -> RetrievalScores:
        """Values of all queries as scores."""
        documents = sum(own.documents for own in self.sets)
        return RetrievalScores(self.query_ids, dict(per_query), documents, self.groups)

    def asked(self) -> list[dict[str, str]]:
        """(Q,) what each query asks, as lines of values per query say it."""
        marked = ((own.questions(), len(own.query_ids)) for own in self.sets)
        return [marks.of(place) for marks, count in marked for place in range(count)]

    def fields(self, judgment: Judgment) -> dict[str, Any]:
        """The fields of a result that a verdict on this exam gives."""
        found = {**judgment.fields(), "verdict": replace(judgment.verdict, items=self.items)}
        # A description that was trained on is no answer to remember: what is new are the signals.
        return found if judgment.verdict.metric == PRIMARY else {**found, "unseen_queries": found["test_queries"]}


def _chosen(domains: Sequence[Domain]) -> list[tuple[ExamPart, np.ndarray]]:
    """Each domain with descriptions to choose from as a set, and the number of the domain of each query."""
    found: list[tuple[ExamPart, np.ndarray]] = []
    for number, one in enumerate(domains):
        if isinstance(one.test, Choices):
            own = chosen(one.name, one.test)
            found.append((own, np.full(len(own.queries), number)))
    return found


def _ranked(domains: Sequence[Domain]) -> list[tuple[ExamPart, np.ndarray]]:
    """Judged queries by corpus, and the number of the domain of each query."""
    sets: dict[int, RetrievalSet] = {}
    number_of: dict[tuple[int, str], int] = {}
    for number, one in enumerate(domains):
        if isinstance(one.test, RetrievalSet):
            key = id(one.test.corpus)
            sets[key] = _together(sets.get(key), one.test, one.name)
            number_of |= {(key, query): number for query in one.test.queries}
    judged = {key: ranked(own) for key, own in sets.items()}
    return [(own, np.array([number_of[key, query] for query in own.query_ids])) for key, own in judged.items()]


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


def _groups(sets: Sequence[ExamPart]) -> QueryGroups | None:
    """The groups of all sets, where all have some; those of several sets are told apart."""
    grouped = [own.groups for own in sets if own.groups is not None]
    if len(grouped) < len(sets):
        return None
    names = [
        f"{own.name}: {name}" if len(sets) > 1 else name
        for own, groups in zip(sets, grouped, strict=True)
        for name in groups.names
    ]
    return QueryGroups.by(grouped[0].column, names)
