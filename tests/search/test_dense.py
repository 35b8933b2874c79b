"""Exact search against a slow loop, on vectors made to tie, and against the last bit of float32 products."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from embedtune.errors import ConfigError, ModelError
from embedtune.search import candidates, dense
from embedtune.search.candidates import nearest
from embedtune.search.dense import float32_error, top_k

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
    scores, positions = top_k(queries, documents, k, tie_rank=tie_rank, memory_bytes=data.draw(st.integers(1, 10_000)))
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
    scores, positions = top_k(queries, documents, 20, memory_bytes=30_000)
    np.testing.assert_allclose(scores, expected, rtol=1e-5, atol=1e-5)
    assert scores.dtype == np.float32 and positions.dtype == np.int64


def test_a_constant_scorer_gives_the_tie_order():
    tie_rank = np.random.default_rng(1).permutation(1000)
    _, positions = top_k(np.ones((2, 3)), np.ones((1000, 3)), 10, tie_rank=tie_rank, memory_bytes=2000)
    best = np.argsort(tie_rank)[::-1][:10]
    np.testing.assert_array_equal(positions, [best, best])


def test_identical_documents_tie_exactly_wherever_they_stand():
    """A float32 product gives copies of one vector two different scores at these sizes on common processors."""
    rng = np.random.default_rng(2)
    queries = rng.standard_normal((33, 384)).astype(np.float32)
    documents = np.repeat(rng.standard_normal((1, 384)).astype(np.float32), 1037, axis=0)
    scores, positions = top_k(queries, documents, 1037, memory_bytes=400_000)
    assert (np.ptp(scores, axis=1) == 0).all()
    np.testing.assert_array_equal(positions, np.tile(np.arange(1037), (33, 1)))


def test_blocks_do_not_change_a_bit():
    rng = np.random.default_rng(3)
    queries, documents = (
        rng.standard_normal((50, 96)).astype(np.float32),
        rng.standard_normal((700, 96)).astype(np.float32),
    )
    whole = top_k(queries, documents, 30)
    for memory_bytes in (4000, 20_000, 100_000):
        scores, positions = top_k(queries, documents, 30, memory_bytes=memory_bytes)
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
    scores, positions = top_k(queries, on_disk, 5, memory_bytes=2000)
    exact = queries.astype(np.float64) @ vectors.astype(np.float64).T
    np.testing.assert_array_equal(positions, np.argsort(-exact, axis=1)[:, :5])
    np.testing.assert_allclose(scores, -np.sort(-exact, axis=1)[:, :5], rtol=1e-6)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("role", ["query", "document"])
def test_vectors_that_are_not_finite_are_refused_by_number(value, role):
    broken, sound = np.ones((5, 2)), np.ones((4, 2))
    broken[3, 1] = value
    with pytest.raises(ModelError, match=f"{role} 3 holds NaN or infinity"):
        top_k(*((broken, sound) if role == "query" else (sound, broken)), 2, memory_bytes=100)


def test_dimensions_must_agree():
    with pytest.raises(ModelError, match="query vectors have 3 dimensions and document vectors 4"):
        top_k(np.ones((2, 3)), np.ones((2, 4)), 1)


def test_k_must_be_positive():
    with pytest.raises(ConfigError, match="at least 1, not 0"):
        top_k(np.ones((2, 3)), np.ones((2, 3)), 0)


def unit(rng: np.random.Generator, *shape: int) -> np.ndarray:
    vectors = rng.standard_normal(shape, dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def crowd(rng: np.random.Generator, rows: int, dimensions: int) -> np.ndarray:
    """Documents far nearer to each other than float32 scores can tell apart."""
    return unit(rng, dimensions) + 1e-8 * unit(rng, rows, dimensions).astype(np.float64)


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_what_float32_cannot_tell_apart_is_searched_in_float64(kind):
    """Each of these scores differs from its neighbours by less than a float32 product errs by."""
    rng = np.random.default_rng(5)
    queries, documents = unit(rng, 3, 64), crowd(rng, 400, 64).astype(kind)
    tie_rank = rng.permutation(400)
    _, positions = top_k(queries, documents, 9, tie_rank=tie_rank, memory_bytes=20_000)
    assert positions.tolist() == slow_top_k(queries, documents, 9, tie_rank)


def test_only_queries_whose_cut_is_open_are_searched_again(monkeypatch):
    rng = np.random.default_rng(6)
    queries, documents = unit(rng, 6, 32), unit(rng, 500, 32)
    documents[100:200] = queries[2]  # a hundred documents tie for the first place of one query
    searched = []
    scan = dense.scan
    monkeypatch.setattr(dense, "scan", lambda again, *rest: searched.append(again) or scan(again, *rest))
    _, positions = top_k(queries, documents, 5, tie_rank=np.arange(500))
    assert positions[2].tolist() == [199, 198, 197, 196, 195]
    assert len(searched) == 1
    np.testing.assert_array_equal(searched[0], queries[[2]])


def test_the_error_of_float32_scores_is_never_above_the_bound():
    rng = np.random.default_rng(7)
    for dimensions in (2, 33, 1024, 4096):
        queries, documents = unit(rng, 8, dimensions), unit(rng, 300, dimensions)
        found = nearest(queries, documents, 300, memory_bytes=2**20)
        exact = np.take_along_axis(queries.astype(np.float64) @ documents.astype(np.float64).T, found.positions, axis=1)
        assert 0 < np.abs(found.scores - exact).max() < float32_error(dimensions)


@pytest.mark.parametrize("scale", [1e-30, 1e-15, 1e15, 1e25])
def test_any_scale_of_vectors_is_searched_exactly(scale):
    """Products that overflow float32, or lose their digits to underflow, prove nothing."""
    rng = np.random.default_rng(8)
    queries, documents = unit(rng, 4, 16), unit(rng, 300, 16)
    expected = top_k(queries, documents, 7)[1]
    _, positions = top_k(queries * np.float64(scale), documents.astype(np.float64), 7)
    np.testing.assert_array_equal(positions, expected)
    _, positions = top_k(queries.astype(np.float64), documents * np.float64(scale), 7)
    np.testing.assert_array_equal(positions, expected)


def test_zero_vectors_tie_with_everything():
    rng = np.random.default_rng(9)
    documents = unit(rng, 200, 8)
    documents[50] = 0
    scores, positions = top_k(np.zeros((2, 8), np.float32), documents, 3, tie_rank=np.roll(np.arange(200), 7))
    assert positions.tolist() == [[6, 5, 4]] * 2 and not scores.any()
    _, positions = top_k(-documents[:4], np.zeros((100, 8), np.float32), 3)
    assert positions.tolist() == [[0, 1, 2]] * 4


def test_torch_finds_what_faiss_finds(monkeypatch):
    rng = np.random.default_rng(10)
    queries, documents = unit(rng, 20, 48), unit(rng, 900, 48)
    documents[400:440] = documents[3]
    expected = top_k(queries, documents, 25, memory_bytes=40_000)
    by_torch = candidates.by_torch
    monkeypatch.setattr(candidates, "by_torch", lambda block, device: by_torch(block, "cpu"))
    scores, positions = top_k(queries, documents, 25, memory_bytes=40_000, device="cuda")
    np.testing.assert_array_equal(positions, expected[1])
    np.testing.assert_array_equal(scores, expected[0])


def test_a_rank_is_needed_for_each_document():
    with pytest.raises(ConfigError, match=r"needs \(3,\)"):
        top_k(np.ones((1, 2)), np.ones((3, 2)), 1, tie_rank=np.arange(2))
