"""Exact search: the k documents with the largest inner product for every query, with a stated order among equal scores.

Scores are summed in float64 and rounded to float32 once. A float32 matrix product gives identical documents scores
that differ in the last bit, depending on where in a block they stand; rounded this way they tie, and results depend
neither on the blocks nor on the number of threads. Score and tie order are packed into one integer key, so a partition
of keys settles the cut exactly, however many documents tie there. FAISS was the alternative: two to three times as
fast, but which of several tied documents it keeps is left open.
"""

import numpy as np

from embedtune.errors import ConfigError, ModelError

_FLIP = np.int32(0x7FFFFFFF)
_WORST = np.array([-np.inf], dtype=np.float32)


def top_k(
    queries: np.ndarray,
    documents: np.ndarray,
    k: int,
    *,
    tie_rank: np.ndarray | None = None,
    memory_bytes: int = 2**30,
    device: str = "cpu",
    block_rows: int = 1024,
) -> tuple[np.ndarray, np.ndarray]:
    """The k best documents of every query by inner product, best first.

    Memory beside the arguments: one float64 copy of a block of queries and of documents, a block of scores, and the
    result. `documents` may be a memory map; it is read once, block by block.

    Args:
        queries: (Q, D), any float type.
        documents: (C, D), any float type.
        k: how many documents a query gets, >= 1.
        tie_rank: (C,) a permutation of 0..C-1; among equal scores the document with the greater rank comes first.
            None: the document that stands earlier.
        memory_bytes: bounds the blocks; the result is the same for every bound.
        device: "cpu" searches with FAISS, "cuda" with torch.
        block_rows: rows of queries and of documents scored at a time.

    Returns: scores (Q, min(k, C)) float32 and document positions (Q, min(k, C)) int64.

    Raises:
        ConfigError: k is below 1.
        ModelError: the vectors differ in dimensions or hold NaN or infinity.

    >>> scores, positions = top_k(np.eye(2), np.array([[1.0, 0.0], [0.5, 2.0], [1.0, 0.0]]), k=2)
    >>> positions.tolist(), scores.tolist()
    ([[0, 2], [1, 0]], [[1.0, 1.0], [2.0, 0.0]])
    """
    if k < 1:
        raise ConfigError(f"k must be at least 1, not {k}", where="top_k")
    if queries.shape[-1] != documents.shape[-1]:
        raise ModelError(
            f"query vectors have {queries.shape[-1]} dimensions and document vectors {documents.shape[-1]}; "
            "both must come from encoders that share a space"
        )
    count = len(documents)
    ranks = np.arange(count)[::-1] if tie_rank is None else np.asarray(tie_rank, dtype=np.int64)  # (C,)
    at_rank = np.empty(count, dtype=np.int64)  # (C,), the inverse: rank -> position
    at_rank[ranks] = np.arange(count)
    best = np.full((len(queries), min(k, count)), _pack(_WORST, np.zeros(1, np.int64))[0])  # (Q, k) keys
    for first in range(0, count if best.size else 0, block_rows):
        block = _finite(documents[first : first + block_rows], "document", first).T  # (D, c)
        block_ranks = ranks[first : first + block_rows]  # (c,)
        for row in range(0, len(queries), block_rows):
            rows = slice(row, row + block_rows)
            best[rows] = _merge(best[rows], _finite(queries[rows], "query", row) @ block, block_ranks)
    best = np.sort(best, axis=1)[:, ::-1]  # (Q, k)
    return _scores(best), at_rank[best & np.int64(0xFFFFFFFF)]


def _merge(best: np.ndarray, scores: np.ndarray, ranks: np.ndarray) -> np.ndarray:
    """The k largest keys of `best` (q, k), whose first column is its smallest, and of a block of scores (q, c)."""
    # Most scores of a later block lie below a row's k-th best already: only the others are worth packing. One step of
    # float32 is left as room because these scores are not rounded yet.
    floor = np.nextafter(_scores(best[:, :1]), np.float32(-np.inf))  # (q, 1)
    above = np.flatnonzero(scores >= floor)  # (n,), row by row
    if not len(above):
        return best
    row, column = np.divmod(above, scores.shape[1])
    counts = np.bincount(row, minlength=len(best))  # (q,)
    place = np.arange(len(above)) - np.repeat(np.cumsum(counts) - counts, counts)  # (n,), 0.. within each row
    k = best.shape[1]
    keys = np.full((len(best), k + counts.max()), np.iinfo(np.int64).min)  # (q, k + m)
    keys[:, :k] = best
    keys[row, k + place] = _pack(scores.ravel()[above].astype(np.float32), ranks[column])
    keys.partition(keys.shape[1] - k, axis=1)
    return keys[:, -k:]


def _pack(scores: np.ndarray, ranks: np.ndarray) -> np.ndarray:
    """Keys (int64) that order as (score, rank) do: the score's bits, made monotonic, above 32 bits of rank."""
    bits = (scores + np.float32(0)).view(np.int32)  # adding zero turns -0.0 into 0.0, which it equals
    return (np.where(bits < 0, bits ^ _FLIP, bits).astype(np.int64) << 32) | ranks


def _scores(keys: np.ndarray) -> np.ndarray:
    """The float32 scores packed in keys."""
    bits = (keys >> 32).astype(np.int32)
    return np.where(bits < 0, bits ^ _FLIP, bits).view(np.float32)


def _finite(vectors: np.ndarray, role: str, first: int) -> np.ndarray:
    """A block as float64, refused when not finite: NaN compares false with everything and would just vanish."""
    block = np.asarray(vectors, dtype=np.float64)
    bad = np.flatnonzero(~np.isfinite(block).all(axis=1))
    if len(bad):
        raise ModelError(
            f"the vector of {role} {first + bad[0]} holds NaN or infinity ({len(bad)} such in its block); "
            "an encoder must give finite numbers",
            next="try a smaller learning rate, or --precision fp32",
        )
    return block
