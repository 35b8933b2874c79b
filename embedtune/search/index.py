"""Approximate search for large corpora: any FAISS index string, built once, kept on disk, rescored exactly."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

Progress = Callable[[int, int], None]


class DiskIndex:
    """A FAISS index of a corpus in a folder, in as many shards as memory asks for.

    Args:
        folder: where its shards and `facts.json` lie.
        documents: (C, D) the vectors it was made from; candidates are scored on them.
        depth: the setting that trades speed for recall, as "nprobe=32", or "" where the index has none.
    """

    folder: Path
    documents: np.ndarray
    depth: str

    def top_k(
        self, queries: np.ndarray, k: int, *, tie_rank: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The k best of the documents that the index finds, scored and ordered as `dense.top_k` does.

        Returns: scores (Q, min(k, C)) float32 and positions (Q, min(k, C)) int64; -inf and -1 where the index found no
            more.
        """
        raise NotImplementedError


def disk_index(
    folder: Path,
    documents: np.ndarray,
    factory: str,
    *,
    corpus_hash: str,
    memory_bytes: int,
    seed: int = 0,
    progress: Progress | None = None,
) -> DiskIndex:
    """The index of these documents in this folder: opened when it is there and made of the same, otherwise built.

    Args:
        folder: made when it does not exist.
        documents: (C, D) float16 or float32, normalised; may be a memory map.
        factory: a string for `faiss.index_factory`, such as "IVF1024,Flat"; inner product.
        corpus_hash: tells whether an index on disk was made of these documents.
        memory_bytes: what building and searching may take; a larger index is cut into shards.
        seed: of the sample it is trained on.
        progress: called with (documents added, documents).

    Raises:
        ConfigError: FAISS cannot make, train or fill such an index.
        OutputError: the folder cannot be written.
    """
    raise NotImplementedError


def recall_at_k(index: DiskIndex, queries: np.ndarray, k: int) -> float:
    """The share of the exact k best documents of these queries that the index finds, 0 to 1."""
    raise NotImplementedError


def deepen(index: DiskIndex, queries: np.ndarray, k: int, *, target: float = 0.95) -> float:
    """Double the index's depth until recall@k on these queries reaches the target; returns the recall reached."""
    raise NotImplementedError
