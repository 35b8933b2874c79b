"""Approximate search for large corpora: any FAISS index string, built once, kept on disk, candidates scored exactly.

Inverted lists (IVF...) stay on disk and are read as searches probe them, so such an index may exceed the memory. Any
other that would not fit in half of the memory is split into shards, which are read and searched one after another. What
an index misses is measured on a sample of the queries, and searched for more deeply (`deepen`).
"""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from embedtune.durable import discard, remove_unfinished, seal_folder, unseal_folder, whole_folder
from embedtune.errors import ConfigError
from embedtune.progress import Progress
from embedtune.search.candidates import as_float32, better, threads
from embedtune.search.dense import check, refuse_not_finite, rescored, top_k
from embedtune.search.index_parts import IndexOrder, build_index, open_stacked, read, shard_of
from embedtune.search.keys import TieOrder

RECALL_WANTED = 0.95
LEAST_GAIN = 0.002
"""Recall that doubling an effort must add to be worth it."""
FETCHED, MOST_FETCHED = 4, 64
"""Candidates scored exactly per document wanted, where the index keeps rounded vectors: at first, and at most."""
_FACTS = "index.json"
_PARTS = ".parts"


class Effort(NamedTuple):
    """What a search puts in.

    Args:
        depth: lists probed, or the breadth of a graph search; 0 where the index has no such setting.
        fetched: candidates per document wanted, from an index that keeps rounded vectors; 1 from any other.
    """

    depth: int
    fetched: int


class DiskIndex:
    """A FAISS index of a corpus in a folder, in as many shards as memory requires.

    Args:
        folder: where it is; written by `disk_index`.
        facts: written with it by `disk_index`.
        documents: (C, D) the vectors it was made from; candidates are scored on them.
        memory_bytes: most memory that a search takes in addition to the arguments and the result.
    """

    def __init__(self, folder: Path, facts: Mapping[str, Any], documents: np.ndarray, memory_bytes: int) -> None:
        self.folder, self.documents, self.memory_bytes = folder, documents, memory_bytes
        self.facts = facts
        self.factory: str = facts["factory"]
        self.shards: list[int] = facts["shards"]  # the first position of each
        self._stacked: bool = facts["stacked"]
        self._lossy: bool = facts["bytes_a_vector"] < 4 * documents.shape[1]
        self._knob: str | None = facts["knob"]
        self._deepest: int = facts["deepest"]
        fits = len(documents) * facts["bytes_a_vector"] <= memory_bytes / 2
        self._prefetch = 0 if fits else threads()  # what fits is in the system's cache after the first searches
        self.effort = Effort(facts["depth"] if self._knob else 0, FETCHED if self._lossy else 1)  # raised by `deepen`

    @property
    def depth(self) -> str:
        """What trades speed for recall, as "nprobe=32, 4 candidates scored exactly per document wanted", or ""."""
        depth = f"{self._knob}={self.effort.depth}" if self._knob else ""
        scored = f"{self.effort.fetched} candidates scored exactly per document wanted" if self._lossy else ""
        return ", ".join(filter(None, (depth, scored)))

    @property
    def stays_on_disk(self) -> bool:
        """Whether a search reads parts of it from disk as needed; any other index is read into memory whole."""
        return self._stacked

    def top_k(
        self, queries: np.ndarray, k: int, *, tie_rank: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The k best of the documents that the index finds, scored and ordered as `dense.top_k` does.

        Several times k are fetched where the index keeps rounded vectors. Several shards are each read from disk, so
        one call with many queries costs less than many calls.

        Args:
            queries: (Q, D).
            k: documents per query, >= 1.
            tie_rank: as for `dense.top_k`; which of several tied candidates the index finds at its cut is up to FAISS.

        Returns: scores (Q, min(k, C)) float32 and positions (Q, min(k, C)) int64; -inf and -1 where the index found no
            more documents.
        """
        check(queries, self.documents, k)
        refuse_not_finite(queries, "query", self.memory_bytes)
        count = len(self.documents)
        width = min(count, self.effort.fetched * k + max(16, k // 8))
        scores = np.full((len(queries), width), -np.inf, dtype=np.float32)  # (Q, K)
        positions = np.full((len(queries), width), -1, dtype=np.int64)  # (Q, K)
        rows = max(1, self.memory_bytes // (128 * width))
        for first, index in self._loaded():
            for row in range(0, len(queries), rows):
                part = slice(row, row + rows)
                found, where = index.search(as_float32(queries[part]), min(width, index.ntotal))  # (q, k)
                found, where = np.where(where < 0, -np.inf, found), np.where(where < 0, -1, where + first)
                scores[part], positions[part] = better((scores[part], positions[part]), (found, where))
        order = TieOrder(count, tie_rank)
        return order.unpack(rescored(queries, self.documents, positions, min(k, count), order, self.memory_bytes))

    def more(self) -> Iterator[Effort]:
        """What a search may do next to find more: twice the depth, and twice the candidates; each if it can."""
        depth, fetched = self.effort
        if self._knob and depth < self._deepest:
            yield Effort(min(2 * depth, self._deepest), fetched)
        if self._lossy and fetched < MOST_FETCHED:
            yield Effort(depth, 2 * fetched)

    def _loaded(self) -> Iterator[tuple[int, Any]]:
        """The first position of each shard, and the shard set to the current depth."""
        import faiss

        whole = self._stacked or len(self.shards) == 1
        for number, first in enumerate([0] if whole else self.shards):
            index = self._only if whole else read(shard_of(self.folder, number))
            if self._knob:
                faiss.ParameterSpace().set_index_parameter(index, self._knob, self.effort.depth)
            yield first, index

    @cached_property
    def _only(self) -> Any:
        if self._stacked:
            return open_stacked(self.folder, len(self.shards), self._prefetch)
        return read(shard_of(self.folder, 0))


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
    """The index of these documents in this folder: opened if it exists and was made of the same, otherwise built.

    A damaged index is built again. An interrupted one goes on where it was: what is done is in a folder next to it
    until the end. One process at a time.

    Args:
        folder: created if missing; its content is replaced once everything is written.
        documents: (C, D) float16 or float32, normalised; may be a memory map.
        factory: a string for `faiss.index_factory`, such as "IVF1024,Flat"; inner product.
        corpus_hash: identifies these documents, to recognise an index on disk that was made of them.
        memory_bytes: most memory for building and searching; inverted lists on disk may be larger, and any other index
            that is gets split into shards.
        seed: of the sample it is trained on.
        progress: called with (documents added, documents).

    Raises:
        ConfigError: FAISS cannot make, train or fill such an index, or no shard of it fits in memory.
        OutputError: the folder cannot be written.
    """
    import faiss

    key = {"factory": factory, "corpus": corpus_hash, "shape": list(documents.shape), "seed": seed}
    key |= {"memory_bytes": memory_bytes, "faiss": faiss.__version__}
    facts = unseal_folder(folder, _FACTS)
    if facts is None or facts["key"] != key:
        remove_unfinished(folder)
        parts, order = Path(f"{folder}{_PARTS}"), IndexOrder(factory, documents, memory_bytes, seed, key)
        with whole_folder(folder) as fresh:
            with _faiss_errors(factory, len(documents)):
                facts = build_index(order, fresh, parts, progress)
            seal_folder(fresh, _FACTS, facts)
        discard(parts)
    return DiskIndex(folder, facts, documents, memory_bytes)


def deepen(index: DiskIndex, queries: np.ndarray, k: int) -> float:
    """Raise the index's effort until recall@k on these queries reaches `RECALL_WANTED`; returns the recall reached.

    Of deeper search and more candidates, the one that finds more is doubled, until neither adds `LEAST_GAIN`. Recall is
    the share of the exact k best documents that the index finds; one that ties with the k-th counts as found.
    """
    exact, _ = top_k(queries, index.documents, k, memory_bytes=index.memory_bytes)  # (Q, k)
    recall = _share(index, queries, exact)
    while recall < RECALL_WANTED:
        before, tried = index.effort, []
        for effort in list(index.more()):
            index.effort = effort
            tried.append((_share(index, queries, exact), effort))
        best, index.effort = max(tried, default=(recall, before))
        if best < recall + LEAST_GAIN:
            index.effort = before
            break
        recall = best
    return recall


def _share(index: DiskIndex, queries: np.ndarray, exact: np.ndarray) -> float:
    found, _ = index.top_k(queries, exact.shape[1])  # (Q, k)
    return float((found >= exact[:, -1:]).mean()) if found.size else 1.0


@contextmanager
def _faiss_errors(factory: str, count: int) -> Iterator[None]:
    """Raises FAISS's errors as ours, without its file names and C++."""
    try:
        yield
    except RuntimeError as error:
        reason = str(error).split(" failed: ")[-1].split(".cpp:")[-1].split(": ", 1)[-1].removeprefix("Error: ")
        lists = 1 << max(4, round(math.log2(max(1, count)) / 2) + 2)
        raise ConfigError(
            f"FAISS cannot make the index {factory!r}: {reason.strip()}",
            where="--index",
            next=f"try IVF{lists},Flat (fast, all vectors in memory), IVF{lists},PQ32 (small), "
            "HNSW32,Flat (fastest, largest) or SQ8; exact search needs no index",
        ) from error
