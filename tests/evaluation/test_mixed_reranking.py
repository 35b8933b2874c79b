"""A judge together with the ranking that it reorders: the sum of both scores, and weights that suit their scales."""

import numpy as np
import pytest

from embedtune.data.rows import RetrievalSet
from embedtune.evaluation.rankers import Ranking
from embedtune.evaluation.reranking import SHARES, mixes, opinions, reordered, reranked
from embedtune.evaluation.tasks.judged_arrays import JudgedSet, as_arrays


@pytest.fixture
def judged() -> JudgedSet:
    """Nine queries about eight documents."""
    queries = {f"q{i}": f"question {i}" for i in range(9)}
    documents = {f"d{i}": f"text {i}" for i in range(8)}
    return as_arrays(RetrievalSet("set", queries, documents, {query: {"d0": 1} for query in queries}))


@pytest.fixture
def ranking() -> Ranking:
    draw = np.random.default_rng(3)
    scores = np.sort(draw.normal(size=(9, 8)), axis=1)[:, ::-1].astype(np.float32)
    positions = np.stack([draw.permutation(8) for _ in range(9)])
    scores[2, 3:], positions[2, 3:] = -np.inf, -1
    return Ranking(scores, positions)


def judge(pairs) -> np.ndarray:
    return np.array([np.sin(7 * int(a.split()[1]) + 3 * int(b.split()[1])) for a, b in pairs], dtype=np.float32)


@pytest.mark.parametrize("mix", [0.0, 0.3, 2.0, 1e6])
def test_documents_are_sorted_by_the_sum(judged, ranking, mix) -> None:
    found = reranked(ranking, judged, judge, 5, mix=mix)
    for row in range(9):
        head = [place for place in ranking.positions[row, :5].tolist() if place >= 0]
        sums = {
            place: judge([(judged.queries[row], judged.documents[place])])[0] + mix * ranking.scores[row, column]
            for column, place in enumerate(head)
        }
        assert found.positions[row, : len(head)].tolist() == sorted(head, key=lambda one: sums[one], reverse=True)
        assert found.positions[row, len(head) :].tolist() == ranking.positions[row, len(head) :].tolist()
    if mix == 1e6:
        assert np.array_equal(found.positions, ranking.positions)


def test_weights_put_both_on_one_scale_and_follow_the_judge(judged, ranking) -> None:
    found = opinions(ranking, judged, judge, 5)
    assert np.isnan(found).sum() == 2
    weights = mixes(ranking, found)
    assert weights[0] == 0.0
    centred = [[], []]
    for row in range(9):
        own = ~np.isnan(found[row])
        for place, values in enumerate((found[row, own], ranking.scores[row, :5][own])):
            centred[place] += (values - values.mean()).tolist()
    ratio = np.std(centred[0]) / np.std(centred[1])
    np.testing.assert_allclose(weights, [share * ratio for share in SHARES], rtol=1e-5)
    np.testing.assert_allclose(mixes(ranking, 10 * found), np.multiply(10, weights), rtol=1e-5)


def test_a_ranking_without_differences_is_given_no_weight(judged, ranking) -> None:
    level = Ranking(np.where(ranking.positions < 0, -np.inf, 1.0).astype(np.float32), ranking.positions)
    found = opinions(level, judged, judge, 5)
    assert mixes(level, found) == [0.0]
    one = Ranking(ranking.scores[:, :1], ranking.positions[:, :1])
    assert mixes(one, opinions(one, judged, judge, 5)) == [0.0]
    assert np.array_equal(reordered(one, judged, opinions(one, judged, judge, 5)).positions, one.positions)
