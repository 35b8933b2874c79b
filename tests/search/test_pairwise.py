"""Scores of chosen pairs agree with a plain loop, and with what exact search gives the same pairs."""

import numpy as np

from embedtune.search.dense import top_k
from embedtune.search.pairwise import pair_scores


def test_agrees_with_a_plain_loop() -> None:
    rng = np.random.default_rng(0)
    queries, documents = rng.normal(size=(5, 8)), rng.normal(size=(30, 8)).astype(np.float16)
    positions = rng.integers(-1, 30, size=(5, 7))
    scores = pair_scores(queries, documents, positions)
    for row in range(5):
        for column in range(7):
            at = positions[row, column]
            if at < 0:
                assert np.isnan(scores[row, column])
            else:
                exact = sum(float(a) * float(b) for a, b in zip(queries[row], documents[at], strict=True))
                assert abs(scores[row, column] - exact) <= 1e-6 * max(1, abs(exact))


def test_is_the_score_that_search_gives() -> None:
    rng = np.random.default_rng(1)
    queries, documents = (rng.normal(size=(n, 16)).astype(np.float32) for n in (4, 50))
    documents[7] = documents[3]
    scores, positions = top_k(queries, documents, 50)
    np.testing.assert_array_equal(pair_scores(queries, documents, positions), scores)
