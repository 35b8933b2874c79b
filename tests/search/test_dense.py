"""Exact search against a slow loop, on vectors made to tie, and against the last bit of float32 products."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from embedtune.errors import ConfigError, ModelError
from embedtune.search.dense import top_k

# Small integers make many exact ties, and their products are exact in any precision.
COARSE = st.integers(-2, 2).map(float)


def slow_top_k(queries, documents, k, tie_rank):
    """Python's own sort on (score, rank), one pair at a time."""
    positions = []
    for query in queries:
        scored = [
            (float(np.float32(np.dot(query.astype(np.float64), document.astype(np.float64)))), int(tie_rank[i]), i)
            for i, document in enumerate(documents)
        ]
        positions.append([i for _, _, i in sorted(scored, reverse=True)[:k]])
    return positions


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_agrees_with_a_slow_loop_whatever_the_blocks(data):
    rows, count, dimensions = (data.draw(st.integers(1, most)) for most in (5, 25, 4))
    queries = data.draw(arrays(np.float32, (rows, dimensions), elements=COARSE))
    documents = data.draw(arrays(np.float32, (count, dimensions), elements=COARSE))
    tie_rank = np.array(data.draw(st.permutations(range(count))))
    k = data.draw(st.integers(1, count + 3))
    scores, positions = top_k(queries, documents, k, tie_rank=tie_rank, block_rows=data.draw(st.integers(1, 30)))
    assert positions.tolist() == slow_top_k(queries, documents, k, tie_rank)
    expected = np.take_along_axis(queries @ documents.T, positions, axis=1)
    np.testing.assert_array_equal(scores, expected)


def test_agrees_with_faiss_on_scores():
    faiss = pytest.importorskip("faiss")
    rng = np.random.default_rng(0)
    queries, documents = (
        rng.standard_normal((37, 24), dtype=np.float32),
        rng.standard_normal((991, 24), dtype=np.float32),
    )
    expected, _ = faiss.knn(queries, documents, 20, metric=faiss.METRIC_INNER_PRODUCT)
    scores, positions = top_k(queries, documents, 20, block_rows=100)
    np.testing.assert_allclose(scores, expected, rtol=1e-5, atol=1e-5)
    assert scores.dtype == np.float32 and positions.dtype == np.int64


def test_a_constant_scorer_gives_the_tie_order():
    tie_rank = np.random.default_rng(1).permutation(1000)
    _, positions = top_k(np.ones((2, 3)), np.ones((1000, 3)), 10, tie_rank=tie_rank, block_rows=64)
    best = np.argsort(tie_rank)[::-1][:10]
    np.testing.assert_array_equal(positions, [best, best])


def test_identical_documents_tie_exactly_wherever_they_stand():
    """A float32 product gives copies of one vector two different scores at these sizes on common processors."""
    rng = np.random.default_rng(2)
    queries = rng.standard_normal((33, 384)).astype(np.float32)
    documents = np.repeat(rng.standard_normal((1, 384)).astype(np.float32), 1037, axis=0)
    scores, positions = top_k(queries, documents, 1037, block_rows=256)
    assert (np.ptp(scores, axis=1) == 0).all()
    np.testing.assert_array_equal(positions, np.tile(np.arange(1037), (33, 1)))


def test_blocks_do_not_change_a_bit():
    rng = np.random.default_rng(3)
    queries, documents = (
        rng.standard_normal((50, 96)).astype(np.float32),
        rng.standard_normal((700, 96)).astype(np.float32),
    )
    whole = top_k(queries, documents, 30, block_rows=10_000)
    for block_rows in (1, 7, 64):
        scores, positions = top_k(queries, documents, 30, block_rows=block_rows)
        np.testing.assert_array_equal(scores, whole[0])
        np.testing.assert_array_equal(positions, whole[1])


def test_scores_closer_than_float32_can_tell_are_ties():
    documents = np.array([[1.0], [1.0 + 1e-9], [1.0 - 1e-9]])
    scores, positions = top_k(np.ones((1, 1)), documents, 2, tie_rank=np.array([0, 1, 2]))
    assert positions.tolist() == [[2, 1]] and scores.tolist() == [[1.0, 1.0]]


def test_negative_zero_equals_zero():
    _, positions = top_k(np.ones((1, 1)), np.array([[-0.0], [0.0], [-1.0]]), 3, tie_rank=np.array([2, 1, 0]))
    assert positions.tolist() == [[0, 1, 2]]


def test_fewer_documents_than_k():
    scores, positions = top_k(np.eye(3), np.eye(3)[:2], 10)
    assert scores.shape == positions.shape == (3, 2)
    assert positions.tolist() == [[0, 1], [1, 0], [0, 1]]


@pytest.mark.parametrize(("rows", "count"), [(0, 3), (3, 0), (0, 0)])
def test_nothing_to_search(rows, count):
    scores, positions = top_k(np.ones((rows, 2)), np.ones((count, 2)), 2)
    assert scores.shape == positions.shape == (rows, min(2, count))


def test_documents_may_lie_on_disk_in_half_precision(tmp_path):
    rng = np.random.default_rng(4)
    vectors = rng.standard_normal((300, 8)).astype(np.float16)
    np.save(tmp_path / "documents.npy", vectors)
    on_disk = np.load(tmp_path / "documents.npy", mmap_mode="r")
    queries = rng.standard_normal((4, 8)).astype(np.float32)
    scores, positions = top_k(queries, on_disk, 5, block_rows=32)
    exact = queries.astype(np.float64) @ vectors.astype(np.float64).T
    np.testing.assert_array_equal(positions, np.argsort(-exact, axis=1)[:, :5])
    np.testing.assert_allclose(scores, -np.sort(-exact, axis=1)[:, :5], rtol=1e-6)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("role", ["query", "document"])
def test_vectors_that_are_not_finite_are_refused_by_number(value, role):
    broken, sound = np.ones((5, 2)), np.ones((4, 2))
    broken[3, 1] = value
    with pytest.raises(ModelError, match=f"{role} 3 holds NaN or infinity"):
        top_k(*((broken, sound) if role == "query" else (sound, broken)), 2, block_rows=2)


def test_dimensions_must_agree():
    with pytest.raises(ModelError, match="query vectors have 3 dimensions and document vectors 4"):
        top_k(np.ones((2, 3)), np.ones((2, 4)), 1)


def test_k_must_be_positive():
    with pytest.raises(ConfigError, match="at least 1, not 0"):
        top_k(np.ones((2, 3)), np.ones((2, 3)), 0)
