"""The nearest documents by float32 scores, block by block: FAISS on a CPU, torch on other devices.

The scores have float32 error, and which of several tied documents is kept is undefined, so nothing here is a result:
`dense.top_k` scores the candidates again and proves that none is missing.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Nearest = Callable[[np.ndarray, int], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Candidates:
    """The K documents with the greatest float32 scores of each query, in no order.

    Args:
        scores: (Q, K) float32. No other document scores higher than the smallest of a row.
        positions: (Q, K) int64.
        longest: the greatest length of a document vector; not finite if one overflows float32.
    """

    scores: np.ndarray
    positions: np.ndarray
    longest: float


def nearest(
    queries: np.ndarray, documents: np.ndarray, width: int, *, memory_bytes: int, device: str = "cpu"
) -> Candidates:
    """Search all documents, read once, for `width` candidates per query."""
    rows, dimensions = documents.shape
    block_rows = min(rows, max(1, memory_bytes // (8 * dimensions)))
    query_rows = max(1, memory_bytes // (64 * width + (0 if device == "cpu" else 8 * block_rows)))
    scores = np.full((len(queries), width), -np.inf, dtype=np.float32)  # (Q, K)
    positions = np.full((len(queries), width), -1, dtype=np.int64)  # (Q, K)
    longest = 0.0
    for first in range(0, rows, block_rows):
        block = as_float32(documents[first : first + block_rows])  # (c, D)
        longest = float(np.maximum(longest, lengths(block).max()))  # NaN stays NaN
        search = by_faiss(block) if device == "cpu" else by_torch(block, device)
        for row in range(0, len(queries), query_rows):
            part = slice(row, row + query_rows)
            found, where = search(as_float32(queries[part]), min(width, len(block)))  # (q, k)
            if first:
                scores[part], positions[part] = better((scores[part], positions[part]), (found, where + first))
            else:
                scores[part, : found.shape[1]], positions[part, : found.shape[1]] = found, where
    return Candidates(scores, positions, longest)


def as_float32(vectors: np.ndarray) -> np.ndarray:
    """The vectors as FAISS takes them; not copied if they already are."""
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(vectors, dtype=np.float32)


def lengths(vectors: np.ndarray) -> np.ndarray:
    """The length of each vector, NaN or infinite where a component is or overflows: float32 (n,)."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.sqrt(np.einsum("nd,nd->n", vectors, vectors))


def by_faiss(block: np.ndarray) -> Nearest:
    """FAISS's exact search in one block."""
    import faiss  # takes a third of a second, which no command should pay before it searches

    return lambda queries, k: faiss.knn(queries, block, k, metric=faiss.METRIC_INNER_PRODUCT)


def threads() -> int:
    """Number of threads that FAISS searches with: those of the machine, or OMP_NUM_THREADS."""
    import faiss

    return int(faiss.omp_get_max_threads())


def by_torch(block: np.ndarray, device: str) -> Nearest:
    """A matrix product and a partial sort on a device."""
    import torch

    documents = torch.tensor(block, device=device)  # (c, D)

    def search(queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        before = torch.get_float32_matmul_precision()
        # TF32 keeps 11 bits of each number; the error bound in `dense` needs 24.
        torch.set_float32_matmul_precision("highest")
        try:
            best = (torch.tensor(queries, device=device) @ documents.T).topk(k, dim=1, sorted=False)
        finally:
            torch.set_float32_matmul_precision(before)
        return best.values.cpu().numpy(), best.indices.cpu().numpy()

    return search


def better(one: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The best of two lists of scores and positions, as wide as the first."""
    width = one[0].shape[1]
    scores = np.concatenate([one[0], other[0]], axis=1)  # (q, K + k)
    positions = np.concatenate([one[1], other[1]], axis=1)  # (q, K + k)
    chosen = np.argpartition(scores, scores.shape[1] - width, axis=1)[:, -width:]  # (q, K)
    return np.take_along_axis(scores, chosen, axis=1), np.take_along_axis(positions, chosen, axis=1)
