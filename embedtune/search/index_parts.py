"""Builds an index on disk part by part: the corpus may be larger than the memory, and an interruption costs one part.

1. Train: once, on a sample of the vectors.
2. Fill: a copy of the trained index with each part of the documents, each written to a file of its own: a shard.
3. Open: shards of inverted lists are searched as one index, each list read in place when a search probes it. Those of
   any other index are read and searched one after another.

Until all are written they are in a folder next to the index's, where the next run finds them.

Rejected: FAISS's `merge_from_multiple` into one file of lists. It needs the disk twice, prints to stdout, and starts
over after an interruption; a list in a few pieces costs a few reads more.
"""

import math
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from embedtune.durable import discard, seal_folder, unseal_folder, whole_path
from embedtune.errors import ConfigError
from embedtune.progress import Progress
from embedtune.search.candidates import as_float32, lengths
from embedtune.search.dense import refuse_not_finite

_TRAINED, _PLAN = "trained.faiss", "plan.json"
_TRAINED_ON = 65_536  # vectors, or 64 per list where that is more
_FEWEST = 39 * 256  # vectors that FAISS needs for a quantizer of 8 bits
_TRIED = 4096  # vectors added to measure the bytes of one
_ROWS = 16_384  # vectors added at a time
_PART, _PIECES = 2**20, 32  # vectors in a shard of inverted lists, at most, unless there would be more shards
# The first depth: for lists the square root of their number, a usual compromise; `deepen` measures.
_EFSEARCH, _DEEPEST_EFSEARCH = 64, 4096


@dataclass(frozen=True)
class IndexOrder:
    """What an index is made of.

    Args:
        factory: a string for `faiss.index_factory`; inner product.
        documents: (C, D) float16 or float32, normalised; may be a memory map.
        memory_bytes: most memory for building and for searching.
        seed: of the sample it is trained on.
        key: everything that it depends on, in JSON types.
    """

    factory: str
    documents: np.ndarray
    memory_bytes: int
    seed: int
    key: Mapping[str, Any]


def build_index(order: IndexOrder, folder: Path, unfinished: Path, progress: Progress | None) -> dict[str, Any]:
    """Build an index, or go on with one that an earlier run began.

    Args:
        order: what it is made of.
        folder: gets the files of the whole index.
        unfinished: a folder for trained index and parts, kept if the work ends early.
        progress: called with (documents added, documents).

    Returns: facts about the index, for `DiskIndex`.

    Raises:
        ConfigError: no part of it fits in memory.
        ModelError: a vector is not finite.
        RuntimeError: FAISS refuses.
    """
    plan = unseal_folder(unfinished / "trained", _PLAN)
    if plan is None or plan["key"] != order.key:
        discard(unfinished)
        plan = _trained(order, unfinished / "trained")
    for number in range(len(plan["shards"])):
        _hand_over(_filled(order, plan, number, unfinished, progress), shard_of(folder, number))
    return plan


def open_stacked(folder: Path, shards: int, prefetch: int) -> Any:
    """Shards of inverted lists as one index, whose lists stay on disk until a search probes them.

    Args:
        folder: of the whole index.
        shards: how many there are.
        prefetch: threads that read the lists of a search ahead; 0: each list is read when its turn comes.
    """
    import faiss as untyped

    faiss: Any = untyped  # its types leave out what is generated
    opened = [read(shard_of(folder, number), faiss.IO_FLAG_MMAP) for number in range(shards)]
    lists = [faiss.extract_index_ivf(one).invlists for one in opened]
    for one in lists:
        faiss.downcast_InvertedLists(one).prefetch_nthread = prefetch
    if shards == 1:
        return opened[0]
    index, pieces = opened[0], faiss.InvertedListsPtrVector()
    for one in lists:
        pieces.push_back(one)
    own = faiss.extract_index_ivf(index)
    own.own_invlists = False
    stacked = faiss.HStackInvertedLists(pieces.size(), pieces.data())
    own.replace_invlists(stacked)
    index.ntotal = own.ntotal = sum(one.ntotal for one in opened)
    index.referenced_objects = [stacked, *opened[1:]]  # FAISS's name for what must live as long as the index
    return index


def shard_of(folder: Path, number: int) -> Path:
    """The file of a shard of a whole index."""
    return folder / f"shard-{number:03d}.faiss"


def read(path: Path, flags: int = 0) -> Any:
    """An index from its file."""
    import faiss

    return faiss.read_index(str(path), flags)


def _write(index: Any, path: Path) -> None:
    """Write an index, whole or not at all."""
    import faiss

    with whole_path(path) as temporary:
        faiss.write_index(index, str(temporary))


def _trained(order: IndexOrder, folder: Path) -> dict[str, Any]:
    """Train the empty index; returns how the documents are divided, and what a search must know."""
    import faiss

    count, dimensions = order.documents.shape
    empty = faiss.index_factory(dimensions, order.factory, faiss.METRIC_INNER_PRODUCT)
    lists = _train(empty, _sample(order, empty))
    some = faiss.clone_index(empty)
    tried = as_float32(order.documents[:_TRIED])  # (t, D)
    some.add(tried)
    fixed_bytes = len(faiss.serialize_index(empty))
    vector_bytes = (len(faiss.serialize_index(some)) - fixed_bytes) / len(tried)
    rows, stacked = _fitting(order, fixed_bytes, vector_bytes), _stacks(empty)
    rows = min(rows, max(_PART, math.ceil(count / _PIECES))) if stacked else rows
    knob = next((name for name in ("nprobe", "efSearch") if _takes(some, name)), None)
    depth, deepest = (1 << round(math.log2(lists) / 2), lists) if knob == "nprobe" else (_EFSEARCH, _DEEPEST_EFSEARCH)
    plan = {"key": order.key, "factory": order.factory, "bytes_a_vector": vector_bytes, "stacked": stacked}
    plan |= {"shards": list(range(0, count, math.ceil(count / math.ceil(count / rows))))}
    plan |= {"knob": knob, "depth": depth, "deepest": deepest}
    folder.mkdir(parents=True)
    _write(empty, folder / _TRAINED)
    seal_folder(folder, _PLAN, plan)
    return plan


def _fitting(order: IndexOrder, fixed_bytes: int, vector_bytes: float) -> int:
    """How many vectors an index of half the memory holds.

    Raises:
        ConfigError: next to none.
    """
    rows, fewest = int((order.memory_bytes / 2 - fixed_bytes) / vector_bytes), min(len(order.documents), _TRIED)
    if rows < fewest:
        needed = fixed_bytes + fewest * vector_bytes
        raise ConfigError(
            f"the index {order.factory} needs at least {math.ceil(2 * needed / 2**20):,} MiB of memory, even in parts",
            where="--memory",
            next="allow more, or use a smaller index",
        )
    return rows


def _stacks(index: Any) -> bool:
    """Whether shards of such an index can be searched as one, whose lists stay on disk."""
    import faiss as untyped

    faiss: Any = untyped
    inner = faiss.downcast_index(index.index) if isinstance(index, faiss.IndexPreTransform) else index
    if not isinstance(inner, faiss.IndexIVF) or isinstance(inner, faiss.IndexIVFPQR):
        return False
    return isinstance(faiss.downcast_InvertedLists(inner.invlists), faiss.ArrayInvertedLists)


def _filled(order: IndexOrder, plan: Mapping[str, Any], number: int, folder: Path, progress: Progress | None) -> Path:
    """The file of a shard, filled now unless an earlier run has done it."""
    path = folder / f"part-{number:05d}.faiss"
    count = len(order.documents)
    first, end = [*plan["shards"], count][number : number + 2]
    if not path.exists():
        index = read(folder / "trained" / _TRAINED)
        for start in range(first, end, _ROWS):
            block = _finite(order.documents, start, min(start + _ROWS, end))  # (b, D)
            if plan["stacked"]:
                index.add_with_ids(block, np.arange(start, start + len(block)))
            else:
                index.add(block)
            if progress is not None:
                progress(start + len(block), count)
        _write(index, path)
    return path


def _hand_over(part: Path, to: Path) -> None:
    """Give a part a second name, or a copy where the disk has no second names; the first is there if we are killed."""
    try:
        os.link(part, to)
    except OSError:
        shutil.copyfile(part, to)


def _sample(order: IndexOrder, index: Any) -> np.ndarray:
    """Vectors (n, D) to train on, drawn with the seed."""
    import faiss

    lists, documents = faiss.try_extract_index_ivf(index), order.documents
    wanted = max(_TRAINED_ON, 64 * lists.nlist if lists else 0)
    rows = min(len(documents), wanted, max(_FEWEST, order.memory_bytes // (8 * documents.shape[1])))
    chosen = np.random.default_rng(order.seed).choice(len(documents), rows, replace=False)
    return as_float32(documents[np.sort(chosen)])


def _train(index: Any, sample: np.ndarray) -> int:
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
