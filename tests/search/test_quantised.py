"""Quantised search against sentence-transformers' codes and a slow loop over what they stand for, ties by rank."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedtune.errors import ConfigError, ModelError
from embedtune.search import quantised
from embedtune.search.quantised import OVERSAMPLED, int8_vectors, signs, top_k_quantised


@pytest.fixture
def vectors():
    """Queries (7, 24) and documents (300, 24), the last of which is the same everywhere in one dimension."""
    rng = np.random.default_rng(0)
    queries, documents = (rng.standard_normal((n, 24)).astype(np.float32) for n in (7, 300))
    documents[:, 5] = 0.25
    documents[10] = documents[200]
    return queries, documents


def kept(kind: str, documents: np.ndarray) -> np.ndarray:
    """What the codes of documents stand for, a number at a time."""
    if kind != "int8":
        return np.array([[1.0 if number > 0 else -1.0 for number in row] for row in documents])
    low, high = documents.min(axis=0), documents.max(axis=0)
    step = (high - low) / 255
    restored = documents.astype(np.float64)
    for i, j in np.ndindex(*documents.shape):
        if step[j]:
            level = min(np.floor((documents[i, j] - low[j]) / step[j]), 255)
            restored[i, j] = float(low[j]) + (level + 0.5) * float(step[j])
    return restored


def slow(scores: np.ndarray, k: int, ranks: np.ndarray) -> list[int]:
    return sorted(range(len(scores)), key=lambda i: (np.float32(scores[i]), ranks[i]), reverse=True)[:k]


@pytest.mark.parametrize("rows", [7, 65_536])
def test_codes_are_those_of_sentence_transformers(vectors, monkeypatch, rows):
    from sentence_transformers.util.quantization import quantize_embeddings

    monkeypatch.setattr(quantised, "_ROWS", rows)
    _, documents = vectors
    expected = quantize_embeddings(documents, "int8")
    np.testing.assert_array_equal(int8_vectors(documents).codes, expected)
    bits = quantize_embeddings(documents, "ubinary")
    np.testing.assert_array_equal(np.packbits(signs(documents) > 0, axis=1), bits)
    assert bits.shape[1] == quantised.bytes_per_vector("binary", 24)


@pytest.mark.parametrize("memory_bytes", [1, 2**30])
def test_eight_bits_rank_as_the_vectors_they_stand_for(vectors, memory_bytes):
    queries, documents = vectors
    ranks = np.random.default_rng(1).permutation(len(documents))
    scores, positions = top_k_quantised("int8", queries, documents, 20, tie_rank=ranks, memory_bytes=memory_bytes)
    for row, query in enumerate(queries.astype(np.float64)):
        expected = kept("int8", documents) @ query
        assert positions[row].tolist() == slow(expected, 20, ranks)
        np.testing.assert_allclose(scores[row], expected[positions[row]], rtol=1e-6)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 12), st.integers(1, 40), st.integers(1, 50), st.integers(1, 2000), st.integers(0, 2**31))
def test_bits_rank_by_hamming_distance_whoever_ties(dimensions, count, k, memory_bytes, seed) -> None:
    rng = np.random.default_rng(seed)
    queries, documents = rng.integers(-1, 2, (3, dimensions)), rng.integers(-1, 2, (count, dimensions))
    ranks = rng.permutation(count)
    scores, positions = top_k_quantised("binary", queries, documents, k, tie_rank=ranks, memory_bytes=memory_bytes)
    for row, query in enumerate(queries):
        hamming = ((query > 0) != (documents > 0)).sum(axis=1)
        assert positions[row].tolist() == slow(-hamming, k, ranks)
        np.testing.assert_allclose(scores[row], 1 - 2 * hamming[positions[row]] / dimensions, atol=1e-6)


def test_rescoring_chooses_among_the_nearest_by_bits(vectors):
    queries, documents = vectors
    k, ranks = 10, np.arange(len(documents))[::-1]
    scores, positions = top_k_quantised("binary-rescored", queries, documents, k)
    for row, query in enumerate(queries.astype(np.float64)):
        hamming = ((query > 0) != (documents > 0)).sum(axis=1)
        near = slow(-hamming, OVERSAMPLED * k, ranks)
        cosines = kept("binary", documents) @ query / 24**0.5
        assert positions[row].tolist() == sorted(near, key=lambda i: (np.float32(cosines[i]), -i), reverse=True)[:k]
        np.testing.assert_allclose(scores[row], cosines[positions[row]], rtol=1e-6)


def test_rescoring_finds_what_sentence_transformers_finds(vectors):
    from sentence_transformers.util.quantization import quantize_embeddings, semantic_search_faiss

    queries, documents = vectors
    every = len(documents)  # all are candidates, since FAISS leaves open which of those that tie at the cut it keeps
    hits, _ = semantic_search_faiss(
        queries,
        corpus_embeddings=quantize_embeddings(documents, "ubinary"),
        corpus_precision="ubinary",
        top_k=every,
        rescore_multiplier=1,
    )
    _, positions = top_k_quantised("binary-rescored", queries, documents, every)
    for row, query in enumerate(queries):
        theirs = np.array([hit["corpus_id"] for hit in hits[row]])
        products = kept("binary", documents) @ query
        np.testing.assert_allclose(products[theirs], products[positions[row]], atol=1e-5)


@pytest.mark.parametrize("kind", ["int8", "binary", "binary-rescored"])
def test_a_memory_map_gives_the_same_to_the_bit(vectors, kind, tmp_path):
    queries, documents = vectors
    np.save(tmp_path / "documents.npy", documents)
    mapped = np.load(tmp_path / "documents.npy", mmap_mode="r")
    for ours, theirs in zip(
        top_k_quantised(kind, queries, documents, 9),
        top_k_quantised(kind, queries, mapped, 9, memory_bytes=4096),
        strict=True,
    ):
        np.testing.assert_array_equal(ours, theirs)


def test_what_is_refused_and_what_is_empty(vectors):
    queries, documents = vectors
    with pytest.raises(ConfigError, match="at least 1"):
        top_k_quantised("int8", queries, documents, 0)
    with pytest.raises(ModelError, match="document 3"):
        top_k_quantised("binary", queries, np.where(np.arange(300)[:, None] == 3, np.nan, documents), 5)
    assert top_k_quantised("int8", queries, documents[:0], 5)[1].shape == (7, 0)
    assert top_k_quantised("binary", queries[:0], documents, 5)[1].shape == (0, 5)
