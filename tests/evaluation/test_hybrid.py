"""A fused ranking of a judged set: order, ties by id, and the weight that dev would take."""

import numpy as np

from embedtune.data.rows import RetrievalSet
from embedtune.evaluation.hybrid import best_weight, by_reciprocal_ranks, by_weighted_sum
from embedtune.evaluation.rankers import Ranking
from embedtune.evaluation.tasks.judged_arrays import as_arrays

JUDGED = as_arrays(RetrievalSet("small", {"q": "?"}, dict.fromkeys("abcd", "text"), {"q": {"a": 1}}))


def ranking(positions: list[int], scores: list[float]) -> Ranking:
    return Ranking(np.array([scores], dtype=np.float32), np.array([positions]))


WORDS, VECTORS = ranking([0, 1, 2], [9.0, 5.0, 1.0]), ranking([1, 3, -1], [0.9, 0.5, -np.inf])


def test_what_both_rank_comes_first() -> None:
    found = by_reciprocal_ranks([WORDS, VECTORS], 4, JUDGED)
    # b: 1/62 + 1/61; a: 1/61; d: 1/62; c: 1/63
    assert found.positions.tolist() == [[1, 0, 3, 2]]
    np.testing.assert_allclose(found.scores, [[1 / 62 + 1 / 61, 1 / 61, 1 / 62, 1 / 63]], rtol=1e-6)


def test_equal_sums_are_ordered_by_id_as_in_every_ranking() -> None:
    found = by_reciprocal_ranks([ranking([0, 1], [2.0, 1.0]), ranking([1, 0], [2.0, 1.0])], 2, JUDGED)
    assert found.positions.tolist() == [[1, 0]]  # the greater id first, as trec_eval does


def test_the_ends_of_the_weight_are_the_rankings() -> None:
    words, vectors = (by_weighted_sum(WORDS, VECTORS, weight, 4, JUDGED) for weight in (0.0, 1.0))
    assert words.positions[0, :2].tolist() == [0, 1] and vectors.positions[0, 0] == 1
    even = by_weighted_sum(WORDS, VECTORS, 0.5, 4, JUDGED)
    np.testing.assert_allclose(even.scores[0, :2], [0.5 * 0.5 + 0.5, 0.5])  # b: half of both; a: all of the first


def test_the_best_weight_is_the_most_even_of_the_best() -> None:
    assert best_weight(lambda weight: float(0.2 <= weight <= 0.9)) == 0.5
    assert best_weight(lambda weight: float(weight > 0.75)) == 0.8
