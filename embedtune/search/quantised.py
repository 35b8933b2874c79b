"""Search among vectors stored in fewer bytes, as vector databases store them, to see what that costs a ranking.

Queries are not quantised, because they are not stored. Only Hamming search, which compares bits with bits, takes their
signs. Every ranking is exact for the stored vectors, ties included. Rejected: products of int8 queries with int8
documents; the zero point differs by dimension, so they would not rank by the inner product.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from embedtune.config.systems import Quantisation
from embedtune.search.dense import check, refuse_not_finite, rescored, scan, top_k
from embedtune.search.keys import TieOrder

OVERSAMPLED = 4
"""Hamming search finds this many times k documents, of which the float query chooses k."""
_ROWS = 65_536  # vectors read at a time
_LEVELS = 255  # steps from the lowest to the highest of 8 bits


class Int8Vectors(NamedTuple):
    """Vectors in 8 bits per dimension.

    Args:
        codes: (n, D) int8, -128 to 127.
        low: (D,) float32, the smallest value of each dimension.
        step: (D,) float32, the size of one level; 0 where a dimension is the same in all vectors.
    """

    codes: np.ndarray
    low: np.ndarray
    step: np.ndarray


def bytes_per_vector(kind: Quantisation | None, dimensions: int) -> int:
    """Bytes of a stored document vector; None: float32.

    >>> [bytes_per_vector(kind, 100) for kind in (None, "int8", "binary")]
    [400, 100, 13]
    """
    if kind is None:
        return 4 * dimensions
    return dimensions if kind == "int8" else -(-dimensions // 8)


def top_k_quantised(
    kind: Quantisation,
    queries: np.ndarray,
    documents: np.ndarray,
    k: int,
    *,
    tie_rank: np.ndarray | None = None,
    memory_bytes: int = 2**30,
) -> tuple[np.ndarray, np.ndarray]:
    """The k best documents of every query among quantised vectors, best first.

    int8: inner products of the query with the vectors that the codes represent, at the middle of each level.
    binary: the share of dimensions whose signs agree minus the share whose signs do not, 1 - 2 Hamming / D.
    binary-rescored: Hamming search for 4 k documents, then cosines of the query with their signs. It stores as many
    bytes as binary; int8 vectors, fetched from disk for these 4 k only, would do a little better still.

    Source: 8 bits are sentence-transformers' `quantize_embeddings` calibrated on the documents; choosing by bits and
        rescoring by the float query is Yamada et al. 2021, arXiv:2106.00882.
    Bounds: -1 to 1 for vectors of length 1, slightly beyond with int8.

    Args:
        kind: how documents are stored.
        queries: (Q, D), any float type.
        documents: (C, D), any float type; may be a memory map.
        k: documents per query, >= 1.
        tie_rank: as for `dense.top_k`.
        memory_bytes: for blocks, besides the arguments, the result and the quantised vectors (1 byte per dimension).

    Returns: scores (Q, min(k, C)) float32 and positions (Q, min(k, C)) int64.

    Raises:
        ConfigError: k is below 1.
        ModelError: the vectors differ in dimensions or hold NaN or infinity.

    >>> documents = np.array([[0.1, 0.2], [-0.3, 0.9], [0.5, -0.1]])
    >>> top_k_quantised("binary", np.array([[0.3, 0.1]]), documents, 2)[1].tolist()
    [[0, 1]]
    """
    check(queries, documents, k)
    for role, vectors in (("query", queries), ("document", documents)):
        refuse_not_finite(vectors, role, memory_bytes)
    if not documents.size:
        return top_k(queries, documents, k, tie_rank=tie_rank)
    if kind == "int8":
        return _by_int8(queries, int8_vectors(documents), k, tie_rank, memory_bytes)
    order, bits = TieOrder(len(documents), tie_rank), signs(documents)  # (C, D)
    k, dimensions = min(k, len(documents)), documents.shape[1]
    wanted = k if kind == "binary" else min(OVERSAMPLED * k, len(documents))
    # Sums of D ones are integers, which float32 represents exactly.
    keys = scan(signs(queries), bits, wanted, order, memory_bytes, dtype=np.float32)  # (Q, K)
    agreement, positions = order.unpack(keys)
    if kind == "binary":
        return agreement / np.float32(dimensions), positions
    scaled = queries.astype(np.float64) / dimensions**0.5  # (Q, D)
    return order.unpack(rescored(scaled, bits, positions, k, order, memory_bytes))


def int8_vectors(vectors: np.ndarray) -> Int8Vectors:
    """Encode vectors (n, D), n > 0, in 8 bits, each dimension from its smallest to its largest value.

    >>> int8_vectors(np.array([[0.0, 7.0], [255.0, 7.0], [127.5, 7.0]])).codes.tolist()
    [[-128, -128], [127, -128], [-1, -128]]
    """
    blocks = [(part.min(axis=0), part.max(axis=0)) for part in _blocks(vectors)]
    low, high = np.min([one for one, _ in blocks], axis=0), np.max([one for _, one in blocks], axis=0)  # (D,), (D,)
    step = (high - low) / _LEVELS  # (D,)
    divisor = np.where(step == 0, np.float32(1), step)  # (D,)
    codes = np.empty(vectors.shape, dtype=np.int8)  # (n, D)
    for place, part in enumerate(_blocks(vectors)):
        levels = np.clip(np.floor((part - low) / divisor), 0, _LEVELS)  # (b, D)
        codes[place * _ROWS : place * _ROWS + len(part)] = levels - 128
    return Int8Vectors(codes, low, step)


def signs(vectors: np.ndarray) -> np.ndarray:
    """1 where a component is above 0, else -1: int8 (n, D)."""
    found = np.empty(vectors.shape, dtype=np.int8)  # (n, D)
    for place, part in enumerate(_blocks(vectors)):
        found[place * _ROWS : place * _ROWS + len(part)] = np.where(part > 0, 1, -1)
    return found


def _by_int8(
    queries: np.ndarray, kept: Int8Vectors, k: int, tie_rank: np.ndarray | None, memory_bytes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Search the codes themselves: q . (middle + step code) = (q step, q . middle) . (code, 1)."""
    query, step = queries.astype(np.float64), kept.step.astype(np.float64)  # (Q, D), (D,)
    middle = kept.low + step * 128.5  # (D,), the value that code 0 represents
    codes = np.ones((len(kept.codes), len(step) + 1), dtype=np.int8)  # (C, D + 1)
    codes[:, :-1] = kept.codes
    scaled = np.concatenate([query * step, query @ middle[:, None]], axis=1)  # (Q, D + 1)
    return top_k(scaled, codes, k, tie_rank=tie_rank, memory_bytes=memory_bytes)


def _blocks(vectors: np.ndarray) -> Iterator[np.ndarray]:
    """The vectors in float32, some rows at a time."""
    for first in range(0, len(vectors), _ROWS):
        yield vectors[first : first + _ROWS].astype(np.float32)
