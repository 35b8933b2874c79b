"""A retrieval set as arrays: everything that does not depend on the encoder, made once for all evaluations of a run.

Sets in which queries are documents too (ArguAna, paraphrases, labelled texts) contain each query's own text, which is
left out of that query's ranking unless it is judged relevant (`own_texts.py`), as BEIR's own evaluation does for equal
ids; the pairs are counted. Where no query is in the corpus this changes nothing, and the scores equal trec_eval's.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from embedtune.data.rows import RetrievalSet
from embedtune.evaluation.ranking import id_ranks
from embedtune.evaluation.tasks.own_texts import own_texts
from embedtune.evaluation.verdicts.query_groups import QueryGroups


@dataclass(frozen=True)
class JudgedSet:
    """Q queries with a relevant document, C documents, at most J judgments per query.

    A pair of query and document is one number, query number * C + document number.

    Args:
        name: of the retrieval set.
        query_ids: (Q,) in the set's order.
        queries: (Q,) texts.
        document_ids: (C,) in the set's order.
        documents: (C,) texts.
        document_ranks: (C,) int64, the order of the document ids among ties.
        judged: (Q, J) int64 grades of all judged documents, including those outside the corpus, padded with 0.
        pairs: (P,) int64 ascending: the judged pairs within the corpus.
        grades: (P,) int64: their grades.
        self_pairs: (S,) int64 ascending: documents that are the query itself and not judged relevant.
        groups: which queries count as one in tests and intervals; None: each counts by itself.
    """

    name: str
    query_ids: tuple[str, ...]
    queries: Sequence[str]
    document_ids: Sequence[str]
    documents: Sequence[str]
    document_ranks: np.ndarray
    judged: np.ndarray
    pairs: np.ndarray
    grades: np.ndarray
    self_pairs: np.ndarray
    groups: QueryGroups | None = None

    def grades_of(self, positions: np.ndarray) -> np.ndarray:
        """Grades of ranked documents (Q, R); 0 for unjudged ones and for -1, which means no document.

        Returns: (Q, R) int64.
        """
        place, found = _look_up(self.pairs, self._pairs_of(positions))
        grades = np.zeros(positions.shape, dtype=np.int64)
        grades[found] = self.grades[place[found]]
        return grades

    def is_judged(self, positions: np.ndarray) -> np.ndarray:
        """Which ranked documents (Q, R) have a judgment, relevant or not: bool (Q, R)."""
        return _look_up(self.pairs, self._pairs_of(positions))[1]

    def judged_counts(self) -> np.ndarray:
        """How many documents of the corpus are judged for each query: (Q,) int64."""
        return np.bincount(self.pairs // max(len(self.documents), 1), minlength=len(self.query_ids))

    def is_self(self, positions: np.ndarray) -> np.ndarray:
        """Which ranked documents (Q, R) are the query's own text: bool (Q, R)."""
        return _look_up(self.self_pairs, self._pairs_of(positions))[1]

    def most_selves(self) -> int:
        """The largest number of own texts that one query has in the corpus."""
        return int(np.bincount(self.self_pairs // max(len(self.documents), 1), minlength=1).max())

    def _pairs_of(self, positions: np.ndarray) -> np.ndarray:
        pairs = np.arange(len(positions))[:, None] * len(self.documents) + positions  # (Q, R)
        return np.where(positions < 0, -1, pairs)


def as_arrays(retrieval_set: RetrievalSet) -> JudgedSet:
    """Turn a retrieval set into arrays; grades below 1 are not relevant."""
    qrels = retrieval_set.qrels
    query_ids = tuple(q for q in retrieval_set.queries if any(grade > 0 for grade in qrels.get(q, {}).values()))
    queries = [retrieval_set.queries[query_id] for query_id in query_ids]
    documents = list(retrieval_set.corpus.values())
    number = {document_id: i for i, document_id in enumerate(retrieval_set.corpus)}
    count = len(documents)
    judged = np.zeros((len(query_ids), max((len(qrels[q]) for q in query_ids), default=0)), dtype=np.int64)
    grade_of: dict[int, int] = {}
    for row, query_id in enumerate(query_ids):
        judged[row, : len(qrels[query_id])] = list(qrels[query_id].values())
        inside = ((number[d], grade) for d, grade in qrels[query_id].items() if d in number)
        grade_of.update((row * count + document, grade) for document, grade in inside)
    pairs = np.array(sorted(grade_of), dtype=np.int64)
    selves = own_texts(query_ids, queries, number, documents)
    return JudgedSet(
        name=retrieval_set.name,
        query_ids=query_ids,
        queries=queries,
        document_ids=list(retrieval_set.corpus),
        documents=documents,
        document_ranks=id_ranks(list(retrieval_set.corpus)),
        judged=judged,
        pairs=pairs,
        grades=np.array([grade_of[pair] for pair in pairs.tolist()], dtype=np.int64),
        self_pairs=np.array(sorted(p for p in selves if grade_of.get(p, 0) <= 0), dtype=np.int64),
        groups=QueryGroups.of_queries(retrieval_set.groups, query_ids),
    )


def _look_up(ascending: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The position of each wanted number, and whether it is there at all."""
    place = np.searchsorted(ascending, wanted)
    found = np.zeros(wanted.shape, dtype=bool)
    inside = place < len(ascending)
    found[inside] = ascending[place[inside]] == wanted[inside]
    return place, found
