"""A reranked ranking: the head in the judge's order, the tail as it was and below it, ties by document id."""

import numpy as np
import pytest

from embedtune.data.rows import RetrievalSet
from embedtune.evaluation.rankers import Ranking
from embedtune.evaluation.reranking import reranked
from embedtune.evaluation.tasks.judged_arrays import JudgedSet, as_arrays


@pytest.fixture
def judged() -> JudgedSet:
    """Twenty queries about twelve documents."""
    queries = {f"q{i}": f"question {i}" for i in range(20)}
    return as_arrays(
        RetrievalSet(
            "set", queries, {f"d{i:02}": f"text {i}" for i in range(12)}, {f"q{i}": {"d00": 1} for i in range(20)}
        )
    )


def scored(pairs) -> np.ndarray:
    """A judge that knows nothing but the texts: coarse, so that ties occur."""
    return np.array([hash_of(query, text) % 5 for query, text in pairs], dtype=np.float32)


def hash_of(query: str, text: str) -> int:
    return int(query.split()[1]) * 7 + int(text.split()[1]) * 3


@pytest.mark.parametrize("depth", [1, 4, 12, 50])
def test_it_is_what_a_plain_sort_of_each_head_gives(judged, depth) -> None:
    draw = np.random.default_rng(0)
    positions = np.stack([draw.permutation(12) for _ in range(20)])
    positions[3, 2:] = -1  # a query that found two documents
    scores = np.where(positions < 0, -np.inf, -np.arange(12.0)).astype(np.float32)
    told: list[int] = []
    found = reranked(Ranking(scores, positions), judged, scored, depth, progress=lambda done, *_: told.append(done))
    for row in range(20):
        head = [int(place) for place in positions[row, :depth] if place >= 0]
        value = {place: hash_of(judged.queries[row], judged.documents[place]) % 5 for place in head}
        expected = sorted(head, key=lambda place: (value[place], judged.document_ids[place]), reverse=True)
        assert found.positions[row].tolist() == [*expected, *positions[row, len(head) :].tolist()]
        finite = found.scores[row][found.positions[row] >= 0]
        assert np.all(np.diff(finite) <= 0)
        assert np.all(np.diff(finite[len(head) - 1 :]) < 0)  # the tail keeps its order
    assert told[-1] == 20
    assert np.array_equal(scores[:, 0], np.zeros(20))  # the ranking that was given is as it was


def test_queries_that_are_not_asked_for_stay_as_they_are(judged) -> None:
    positions = np.tile(np.arange(12), (20, 1))
    scores = np.tile(-np.arange(12, dtype=np.float32), (20, 1))
    found = reranked(Ranking(scores, positions), judged, scored, 12, rows=[4])
    others = [row for row in range(20) if row != 4]
    assert np.array_equal(found.positions[others], positions[others])
    assert found.positions[4].tolist() != positions[4].tolist()
