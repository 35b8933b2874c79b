"""What a worker does with a block of queries: search it in the files of the job, which it opens once and keeps.

Only plain data reach a worker: which files, and which queries. Positions of documents come back. Each block is searched
with the same settings as in one process, so that the result does not depend on where that was.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from embedtune.errors import OutputError
from embedtune.search.dense import top_k
from embedtune.search.index import DiskIndex, Effort
from embedtune.search.index_parts import shard_of

EXACT_BYTES = 256 * 2**20
"""Most memory for the blocks of exact search in a worker: larger ones save no time, and a machine has many workers."""


class OutOfReach(OutputError):
    """A worker cannot open a file of the job, as where its machine has another disk."""


@dataclass(frozen=True)
class SearchOrder:
    """What a worker searches, and how.

    Args:
        queries: file of their vectors (Q, D).
        documents: file of their vectors (C, D).
        searched: how many of the documents, from the first on, may be found.
        tie_rank: file of the ranks (searched,) that decide ties.
        memory_bytes: of a search; as in one process where there is an index, which makes its batches by it.
        device: cpu, or cuda: of several GPUs each worker takes the one of its number.
        threads: of FAISS in a worker.
        index: folder, facts and effort of the index; None for exact search.
    """

    queries: str
    documents: str
    searched: int
    tie_rank: str
    memory_bytes: int
    device: str
    threads: int
    index: Mapping[str, Any] | None = None


def search_shard(order: Mapping[str, Any], first: int, end: int, k: int, number: int = 0) -> np.ndarray:
    """The documents of the queries from `first` up to `end`: positions (end - first, k) int64, -1 for none.

    Args:
        order: of a `SearchOrder`.
        first: number of the first query.
        end: number of the query after the last.
        k: documents per query.
        number: of the worker, from 0.

    Raises:
        OutOfReach: a file of the job cannot be opened here.
    """
    asked, queries, documents, tie_rank, index = _opened(json.dumps(order, sort_keys=True))
    if index is not None:
        return index.top_k(queries[first:end], k, tie_rank=tie_rank)[1]
    device = _device(asked.device, number)
    return top_k(queries[first:end], documents, k, tie_rank=tie_rank, memory_bytes=asked.memory_bytes, device=device)[1]


@lru_cache(maxsize=1)  # a worker of a cluster outlives the job, whose files it should not hold
def _opened(order: str) -> tuple[SearchOrder, np.ndarray, np.ndarray, np.ndarray, DiskIndex | None]:
    """The vectors of queries and documents, the ranks and the index, opened when the first shard arrives."""
    import faiss

    asked = SearchOrder(**json.loads(order))
    faiss.omp_set_num_threads(asked.threads)
    queries, documents, tie_rank = map(_mapped, (asked.queries, asked.documents, asked.tie_rank))
    documents = documents[: asked.searched]  # (C, D)
    return asked, queries, documents, tie_rank, _index(asked, documents)


def _mapped(path: str) -> np.ndarray:
    try:
        return np.load(path, mmap_mode="r")
    except (OSError, ValueError) as error:  # it is not there, or another file is
        raise _out_of_reach(path) from error


def _index(asked: SearchOrder, documents: np.ndarray) -> DiskIndex | None:
    if asked.index is None:
        return None
    folder = Path(asked.index["folder"])
    if not shard_of(folder, 0).is_file():
        raise _out_of_reach(str(folder))
    index = DiskIndex(folder, asked.index["facts"], documents, asked.memory_bytes)
    index.effort = Effort(*asked.index["effort"])
    return index


def _device(named: str, number: int) -> str:
    if named != "cuda":
        return named
    import torch

    return f"cuda:{number % max(1, torch.cuda.device_count())}"


def _out_of_reach(path: str) -> OutOfReach:
    return OutOfReach("a worker cannot open this file of the job", where=path)
