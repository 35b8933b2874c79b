"""Exact search: the k documents with the largest inner product for every query, with a stated order among equal scores.

FAISS finds candidates in float32, fast, but a float32 product gives identical documents scores that differ in the last
bit, and which of several tied documents FAISS keeps is undefined. Hence three steps, in this order:

1. Find. FAISS, or torch on other devices, fetches a few more than k candidates per query, reading all documents once.
2. Score again. Only the candidates, in float64, rounded to float32 once: identical documents tie, ties go by rank, and
   results depend neither on blocks nor on threads. This must come before any cut to k, which it decides.
3. Prove. No document outside the candidates has a float32 score above their smallest, and a float32 score errs by at
   most a known bound. If the k-th score of step 2 is above both together, no outsider can belong to the result. If not,
   mostly because of ties at the cut, that query alone is searched again in float64, without FAISS.

Searching everything in float64 at once would be exact too, and many times slower; fetching more candidates instead of
proving would be neither exact nor bounded, since any number of documents may tie.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import DTypeLike

from embedtune.errors import ConfigError, ModelError
from embedtune.search.candidates import Candidates, as_float32, lengths, nearest, threads
from embedtune.search.keys import WORST, TieOrder, largest, scores_of

_ROUNDING = 2.0**-24  # the most by which float32 changes a number, relative to it
_SCALE = (1e-12, 1e18)  # lengths between which float32 products neither overflow nor lose digits to underflow
_SORTED = 256  # queries whose candidates are sorted at a time
_AT_ONCE = 2**20  # bytes of vectors scored again at a time; more would not fit in the processor's cache


def top_k(
    queries: np.ndarray,
    documents: np.ndarray,
    k: int,
    *,
    tie_rank: np.ndarray | None = None,
    memory_bytes: int = 2**30,
    device: str = "cpu",
) -> tuple[np.ndarray, np.ndarray]:
    """The k best documents of every query by inner product, best first.

    `documents` may be a memory map in float16 or float32; it is read once, block by block, and then only at candidates,
    so one call with many queries costs less than many calls.

    Source: FAISS is Douze et al. 2024, arXiv:2401.08281; the proof is ours, see `float32_error`.
    Bounds: a score differs from the inner product of the vectors given by float32 rounding, 6e-8 of it, at most.

    Args:
        queries: (Q, D), any float type.
        documents: (C, D), any float type.
        k: documents per query, >= 1.
        tie_rank: (C,) a permutation of 0..C-1; among equal scores the document with the greater rank comes first.
            None: the earlier document first.
        memory_bytes: for blocks, in addition to the arguments and the result; it does not change the result.
        device: "cpu" finds candidates with FAISS, any other, such as "cuda", with torch.

    Returns: scores (Q, min(k, C)) float32 and document positions (Q, min(k, C)) int64.

    Raises:
        ConfigError: k is below 1, or `tie_rank` does not have one rank per document.
        ModelError: the vectors differ in dimensions or hold NaN or infinity.

    >>> scores, positions = top_k(np.eye(2), np.array([[1.0, 0.0], [0.5, 2.0], [1.0, 0.0]]), k=2)
    >>> positions.tolist(), scores.tolist()
    ([[0, 2], [1, 0]], [[1.0, 1.0], [2.0, 0.0]])
    """
    check(queries, documents, k)
    order = TieOrder(len(documents), tie_rank)
    k = min(k, len(documents))
    if not len(queries) or not k:
        return order.unpack(np.empty((len(queries), k), dtype=np.int64))
    refuse_not_finite(queries, "query", memory_bytes)
    width = min(len(documents), k + max(16, k // 8))
    found = nearest(queries, documents, width, memory_bytes=memory_bytes, device=device)
    if not np.isfinite(found.longest):
        refuse_not_finite(documents, "document", memory_bytes)
    keys = rescored(queries, documents, found.positions, k, order, memory_bytes)  # (Q, k)
    open_ = np.flatnonzero(~_proven(queries, keys, found, len(documents)))
    if len(open_):
        keys[open_] = scan(queries[open_], documents, k, order, memory_bytes)
    return order.unpack(keys)


def float32_error(dimensions: int) -> float:
    """The largest error of a float32 inner product of vectors of length 1, in whatever order it is summed.

    D products and their sum err by at most D roundings of |q| |d|, and rounding both vectors adds two; one per cent
    more allows for lengths that are float32 themselves. It grows with D: 1.6e-5 for 256 dimensions, 2.5e-4 for 4096.

    Source: Higham 2002, Accuracy and Stability of Numerical Algorithms, eq. 3.5: n u / (1 - n u) with n = D + 2.

    >>> float32_error(256) < 1.6e-5
    True
    """
    roundings = (dimensions + 2) * _ROUNDING
    return 1.01 * roundings / (1 - roundings)


def check(queries: np.ndarray, documents: np.ndarray, k: int) -> None:
    """Refuse arguments that no method can search.

    Raises:
        ConfigError: k is below 1.
        ModelError: the vectors differ in dimensions.
    """
    if k < 1:
        raise ConfigError(f"k must be at least 1, not {k}", where="top_k")
    if queries.shape[-1] != documents.shape[-1]:
        raise ModelError(
            f"query vectors have {queries.shape[-1]} dimensions and document vectors {documents.shape[-1]}; "
            "both must come from encoders that share a space"
        )


def rescored(
    queries: np.ndarray, documents: np.ndarray, positions: np.ndarray, k: int, order: TieOrder, memory_bytes: int
) -> np.ndarray:
    """The keys of the k best candidates, best first, scored by float64 sums.

    Args:
        queries: (Q, D).
        documents: (C, D).
        positions: (Q, K) of candidates; -1 where there is none.
        k: how many to keep.
        order: decides ties.
        memory_bytes: bounds how many are scored at a time.

    Returns: keys (Q, k) int64, `WORST` where there are fewer candidates.
    """
    keys = np.full((len(queries), min(k, positions.shape[1])), WORST)  # (Q, k)
    at_once = threads()

    def rescore(row: int) -> None:
        part = slice(row, row + _SORTED)
        scores = _scores(queries[part], documents, positions[part], memory_bytes // at_once)  # (q, K)
        packed = np.where(positions[part] < 0, WORST, order.pack(scores, positions[part]))  # (q, K)
        keys[part] = largest(packed, keys.shape[1])

    # NumPy releases Python's lock here, and queries are independent: threads change no result.
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(rescore, range(0, len(queries), _SORTED)))
    return keys


def _scores(queries: np.ndarray, documents: np.ndarray, positions: np.ndarray, memory_bytes: int) -> np.ndarray:
    """Inner products in float64 of each query with its candidates: (q, K)."""
    scores = np.empty(positions.shape)  # (q, K)
    per_query = positions.shape[1] * documents.shape[1] * (8 + documents.itemsize)
    rows = max(1, min(memory_bytes // 2, _AT_ONCE) // max(1, per_query))
    for row in range(0, len(queries), rows):
        part = slice(row, row + rows)
        near = documents[positions[part]].astype(np.float64)  # (r, K, D)
        # One dot product per pair, not a matrix product: equal vectors then get equal sums, whatever their position.
        np.vecdot(near, queries[part, None].astype(np.float64), out=scores[part])
    return scores


def _proven(queries: np.ndarray, keys: np.ndarray, found: Candidates, count: int) -> np.ndarray:
    """Whether it is certain that no document outside the candidates is among the k best of a query: bool (Q,)."""
    if found.scores.shape[1] == count:
        return np.ones(len(keys), dtype=bool)
    error = float32_error(queries.shape[1])
    length = lengths(as_float32(queries)).astype(np.float64)  # (Q,)
    with np.errstate(invalid="ignore", over="ignore"):
        outside = found.scores.min(axis=1) + error * length * found.longest  # (Q,)
        above = scores_of(keys[:, -1]) > outside.astype(np.float32)
    low, high = _SCALE
    return above & (low < length) & (length < high) & (low < found.longest < high)


def scan(
    queries: np.ndarray,
    documents: np.ndarray,
    k: int,
    order: TieOrder,
    memory_bytes: int,
    *,
    dtype: DTypeLike = np.float64,
) -> np.ndarray:
    """The keys (Q, k) of the k best among all C >= k documents, best first, every score computed once in `dtype`."""
    rows = max(1, min(1024, memory_bytes // (32 * (queries.shape[1] + 1024))))
    best = np.full((len(queries), k), WORST)  # (Q, k)
    for first in range(0, len(documents), rows):
        block = documents[first : first + rows].astype(dtype).T  # (D, c)
        for row in range(0, len(queries), rows):
            part = slice(row, row + rows)
            best[part] = _merge(best[part], queries[part].astype(dtype) @ block, first, order)
    return np.sort(best, axis=1)[:, ::-1]


def _merge(best: np.ndarray, scores: np.ndarray, first: int, order: TieOrder) -> np.ndarray:
    """The k largest keys of `best` (q, k) and a block of scores (q, c) of the documents from position `first`."""
    # In a later block most scores are already below a row's k-th best; only the others are worth packing. One float32
    # step of slack, because these scores are not rounded yet.
    worst = best.min(axis=1, keepdims=True)  # (q, 1)
    floor = np.where(worst == WORST, -np.inf, np.nextafter(scores_of(worst), np.float32(-np.inf)))  # (q, 1)
    above = np.flatnonzero(scores >= floor)  # (n,), row by row
    if not len(above):
        return best
    row, column = np.divmod(above, scores.shape[1])
    counts = np.bincount(row, minlength=len(best))  # (q,)
    place = np.arange(len(above)) - np.repeat(np.cumsum(counts) - counts, counts)  # (n,), 0.. within each row
    k = best.shape[1]
    keys = np.full((len(best), k + counts.max()), WORST)  # (q, k + m)
    keys[:, :k] = best
    keys[row, k + place] = order.pack(scores.ravel()[above], first + column)
    keys.partition(keys.shape[1] - k, axis=1)
    return keys[:, -k:]


def refuse_not_finite(vectors: np.ndarray, role: str, memory_bytes: int) -> None:
    """Refuse NaN and infinity: NaN compares false with everything, so its document would silently vanish.

    Raises:
        ModelError: a vector is not finite; names the first.
    """
    rows = max(1, memory_bytes // (8 * max(1, vectors.shape[1])))
    for first in range(0, len(vectors), rows):
        bad = np.flatnonzero(~np.isfinite(vectors[first : first + rows]).all(axis=1))
        if len(bad):
            raise ModelError(
                f"the vector of {role} {first + bad[0]} holds NaN or infinity ({len(bad)} in its block do); "
                "an encoder must give finite numbers",
                next="try a smaller learning rate, or --precision fp32",
            )
