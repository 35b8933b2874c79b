"""Approximate search for large corpora: any FAISS index string, built once, kept on disk, candidates scored exactly.

An index that would not fit in half of the memory is split into shards; they are searched one after another, read from
disk each time. All shards share one training, so IVF and flat indexes find the same however they are split.
"""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from embedtune.durable import remove_unfinished, seal_folder, unseal_folder, whole_folder
from embedtune.errors import ConfigError
from embedtune.progress import Progress
from embedtune.search.candidates import as_float32, better, lengths
from embedtune.search.dense import check, refuse_not_finite, rescored, top_k
from embedtune.search.keys import TieOrder

RECALL_WANTED = 0.95
_FACTS = "index.json"
_TRAINED_ON = 65_536  # vectors, or 64 per list where that is more
_FEWEST = 39 * 256  # vectors that FAISS needs for a quantizer of 8 bits
_TRIED = 4096  # vectors added to measure the bytes of one
_ROWS = 16_384  # vectors added at a time
# The first depth: for lists the square root of their number, a usual compromise; `deepen` measures.
_EFSEARCH, _DEEPEST_EFSEARCH = 64, 4096


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
        self.factory: str = facts["factory"]
        self.shards: list[int] = facts["shards"]  # the first position of each
        self._lossy: bool = facts["bytes_a_vector"] < 4 * documents.shape[1]
        self._knob: str | None = facts["knob"]
        self._deepest: int = facts["deepest"]
        self.depth_now: int = facts["depth"]  # doubled by `go_deeper`

    @property
    def depth(self) -> str:
        """The setting that trades speed for recall, as "nprobe=32", or "" where the index has none."""
        return f"{self._knob}={self.depth_now}" if self._knob else ""

    def top_k(
        self, queries: np.ndarray, k: int, *, tie_rank: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The k best of the documents that the index finds, scored and ordered as `dense.top_k` does.

        Four times k are fetched where the index keeps rounded vectors. Several shards are each read from disk, so one
        call with many queries costs less than many calls.

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
        width = min(count, 4 * k + 16 if self._lossy else k + max(16, k // 8))
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

    def go_deeper(self) -> bool:
        """Double the depth; False if the index has none, or it is at its maximum."""
        if not self._knob or self.depth_now >= self._deepest:
            return False
        self.depth_now = min(2 * self.depth_now, self._deepest)
        return True

    def _loaded(self) -> Iterator[tuple[int, Any]]:
        """The first position of each shard, and the shard set to the current depth."""
        import faiss

        for number, first in enumerate(self.shards):
            index = self._only if len(self.shards) == 1 else _read(self.folder, number)
            if self._knob:
                faiss.ParameterSpace().set_index_parameter(index, self._knob, self.depth_now)
            yield first, index

    @cached_property
    def _only(self) -> Any:
        return _read(self.folder, 0)


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

    A damaged index is built again. One process at a time.

    Args:
        folder: created if missing; its content is replaced once everything is written.
        documents: (C, D) float16 or float32, normalised; may be a memory map.
        factory: a string for `faiss.index_factory`, such as "IVF1024,Flat"; inner product.
        corpus_hash: identifies these documents, to recognise an index on disk that was made of them.
        memory_bytes: most memory for building and searching; a larger index is split into shards.
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
        with whole_folder(folder) as unfinished:
            with _faiss_errors(factory, len(documents)):
                facts = {"key": key, "factory": factory}
                facts |= _build(unfinished, documents, factory, memory_bytes, seed, progress)
            seal_folder(unfinished, _FACTS, facts)
    return DiskIndex(folder, facts, documents, memory_bytes)


def deepen(index: DiskIndex, queries: np.ndarray, k: int) -> float:
    """Double the index's depth until recall@k on these queries reaches `RECALL_WANTED`; returns the recall reached.

    Recall is the share of the exact k best documents that the index finds; one that ties with the k-th counts as found.
    """
    exact, _ = top_k(queries, index.documents, k, memory_bytes=index.memory_bytes)  # (Q, k)
    recall = _share(index, queries, exact)
    while recall < RECALL_WANTED and index.go_deeper():
        recall = _share(index, queries, exact)
    return recall


def _share(index: DiskIndex, queries: np.ndarray, exact: np.ndarray) -> float:
    found, _ = index.top_k(queries, exact.shape[1])  # (Q, k)
    return float((found >= exact[:, -1:]).mean()) if found.size else 1.0


def _build(
    folder: Path, documents: np.ndarray, factory: str, memory_bytes: int, seed: int, progress: Progress | None
) -> dict[str, object]:
    """Train, fill and write the shards; returns the facts about them."""
    import faiss

    count, dimensions = documents.shape
    empty = faiss.index_factory(dimensions, factory, faiss.METRIC_INNER_PRODUCT)
    lists = _train(empty, _sample(documents, empty, seed, memory_bytes), factory)
    some = faiss.clone_index(empty)
    tried = as_float32(documents[:_TRIED])  # (t, D)
    some.add(tried)
    fixed_bytes = len(faiss.serialize_index(empty))
    vector_bytes = (len(faiss.serialize_index(some)) - fixed_bytes) / len(tried)
    rows = int((memory_bytes / 2 - fixed_bytes) / vector_bytes)
    if rows < min(count, _TRIED):
        needed = 2 * (fixed_bytes + min(count, _TRIED) * vector_bytes)
        raise ConfigError(
            f"the index {factory} needs at least {math.ceil(needed / 2**20):,} MiB of memory, even in shards",
            where="--memory",
            next="allow more, or use a smaller index",
        )
    shards = list(range(0, count, math.ceil(count / math.ceil(count / rows))))
    for number, first in enumerate(shards):
        index = faiss.clone_index(empty)
        for start in range(first, [*shards, count][number + 1], _ROWS):
            end = min(start + _ROWS, [*shards, count][number + 1])
            index.add(_finite(documents, start, end))
            if progress is not None:
                progress(end, count)
        faiss.write_index(index, str(_shard(folder, number)))
    knob = next((name for name in ("nprobe", "efSearch") if _takes(some, name)), None)
    depth, deepest = (1 << round(math.log2(lists) / 2), lists) if knob == "nprobe" else (_EFSEARCH, _DEEPEST_EFSEARCH)
    return {"shards": shards, "bytes_a_vector": vector_bytes, "knob": knob, "depth": depth, "deepest": deepest}


def _sample(documents: np.ndarray, index: Any, seed: int, memory_bytes: int) -> np.ndarray:
    """Vectors (n, D) to train on, drawn with the seed."""
    import faiss

    lists = faiss.try_extract_index_ivf(index)
    wanted = max(_TRAINED_ON, 64 * lists.nlist if lists else 0)
    rows = min(len(documents), wanted, max(_FEWEST, memory_bytes // (8 * documents.shape[1])))
    chosen = np.random.default_rng(seed).choice(len(documents), rows, replace=False)
    return as_float32(documents[np.sort(chosen)])


def _train(index: Any, sample: np.ndarray, factory: str) -> int:
    """Train an empty index; returns how many lists it has, 0 for none."""
    import faiss

    ivf = faiss.try_extract_index_ivf(index)
    if ivf is not None:
        if ivf.nlist > len(sample):
            raise RuntimeError(f"it has {ivf.nlist:,} lists, but there are only {len(sample):,} vectors to train on")
        ivf.cp.min_points_per_centroid = 1
    part = faiss.downcast_index(index if ivf is None else ivf)
    part = faiss.downcast_index(part.index) if isinstance(part, faiss.IndexPreTransform) else part
    if hasattr(part, "do_polysemous_training"):
        part.do_polysemous_training = False  # minutes of annealing for a kind of search that we do not use
    if not index.is_trained:
        # A small sample is repeated: FAISS would print hundreds of warnings otherwise, and nothing else changes.
        index.train(np.tile(sample, (math.ceil(_FEWEST / len(sample)), 1)))
    return int(ivf.nlist) if ivf is not None else 0


def _finite(documents: np.ndarray, first: int, end: int) -> np.ndarray:
    block = as_float32(documents[first:end])  # (c, D)
    if not np.isfinite(lengths(block)).all():
        refuse_not_finite(documents, "document", 2**26)
    return block


def _takes(index: Any, name: str) -> bool:
    import faiss

    try:
        faiss.ParameterSpace().set_index_parameter(index, name, 1)
    except RuntimeError:
        return False
    return True


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


def _shard(folder: Path, number: int) -> Path:
    return folder / f"shard-{number:03d}.faiss"


def _read(folder: Path, number: int) -> Any:
    import faiss

    return faiss.read_index(str(_shard(folder, number)))
