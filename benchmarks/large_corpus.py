"""What mining a corpus of 10^6 to 10^9 passages takes: a plan by arithmetic, and the same measured on made-up vectors.

    python benchmarks/large_corpus.py --plan
    python benchmarks/large_corpus.py --measure 1000000 --predict-from 100000 --folder /tmp/large

The plan needs five speeds of the machine. `--predict-from` measures them on a small corpus, prints what they predict
for the large one, and only then builds and searches that. Vectors are computed from their number when they are read, so
that 10^7 of them need no disk: one of 4,096 topics, one of 64 parts of that topic, and a rest of its own, in dimensions
that matter less and less. Times are processor time, meant for one thread (OMP_NUM_THREADS=1). Building goes on where it
was when it is started again.
"""

# ruff: noqa: PLC0415  (the plan alone loads no FAISS)

import argparse
import json
import math
import resource
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

LIST_ID = 8
"""Bytes of a vector's number in its list."""
PER_PASSAGE = 50
"""Bytes per passage that `mine` keeps in memory besides --memory: ids, their order, ranks for ties, near copies."""
RECALL_QUERIES = 200
K = 100


@dataclass(frozen=True)
class Speeds:
    """Of one machine, with all its cores.

    Args:
        flops: multiplications and additions per second while vectors are assigned to lists and coded.
        scanned: codes per second that a search compares.
        exact: multiplications and additions per second of exact search.
        rescored: candidates per second that are read from memory and scored exactly.
        read: bytes per second from disk.
    """

    flops: float
    scanned: float
    exact: float
    rescored: float
    read: float = 1e9


@dataclass(frozen=True)
class Corpus:
    """What is mined, and how.

    Args:
        passages: N.
        dimensions: D.
        lists: of the index.
        probed: lists per query.
        fetched: candidates per query that are scored exactly.
        code: bytes of a vector's code.
        queries: Q.
    """

    passages: int
    dimensions: int
    lists: int
    probed: int
    fetched: int = 4 * K + 16
    code: int = 32
    queries: int = 1_000_000

    @property
    def factory(self) -> str:
        """The index, for `--index`."""
        return f"IVF{self.lists},PQ{self.code}"


def plan(corpus: Corpus, speed: Speeds) -> dict[str, float]:
    """Bytes and seconds, from the sizes and speeds alone.

    >>> found = plan(Corpus(10**8, 384, 16384, 32), Speeds(5e11, 1e9, 5e11, 1e7))
    >>> found["vectors_bytes"], found["index_bytes"]
    (76800000000, 4025165824)
    """
    count, size = corpus.passages, corpus.dimensions
    assigned = 2 * size * (corpus.lists + 256)  # to its list, and each part of it to one of 256 values
    trained = max(65_536, 64 * corpus.lists)  # k-means of the lists passes 10 times over it, and of the codes 25 times
    per_query = 2 * size * corpus.lists / speed.flops
    per_query += count * corpus.probed / corpus.lists / speed.scanned + corpus.fetched / speed.rescored
    return {
        "vectors_bytes": 2 * count * size,
        "index_bytes": count * (corpus.code + LIST_ID) + 4 * size * corpus.lists,
        "memory_bytes": PER_PASSAGE * count,
        "train_s": 2 * size * (10 * trained * corpus.lists + 25 * 65_536 * 256) / speed.flops,
        "build_s": count * assigned / speed.flops + 2 * count * size / speed.read,
        "recall_s": 2 * RECALL_QUERIES * count * size / speed.exact + 2 * count * size / speed.read,
        "search_s": corpus.queries * per_query,
        "search_ms_per_query": 1000 * per_query,
        "network_bytes": 4 * count * size,
    }


class MadeVectors:
    """N vectors of length 1, computed when they are read; any row, in any order, is always the same."""

    def __init__(self, count: int, dimensions: int, seed: int = 0) -> None:
        draw = np.random.default_rng(seed)
        matter = (np.arange(dimensions) + 8.0) ** -0.5  # (D,)
        self.shape, self.dtype, self.itemsize = (count, dimensions), np.dtype(np.float32), 4
        sizes = (4096, 65_536, 65_521)
        self.tables = [(draw.standard_normal((size, dimensions)) * matter).astype(np.float32) for size in sizes]

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> np.ndarray:
        numbers = np.arange(*rows.indices(len(self))) if isinstance(rows, slice) else np.asarray(rows)
        mixed = (numbers.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)  # (...,)
        mixed ^= mixed >> np.uint64(29)
        topic, part, rest = self.tables
        own = mixed % np.uint64(4096)  # (...,), the topic
        made = 0.8 * topic[own] + 0.35 * rest[(mixed >> np.uint64(13)) % np.uint64(65_521)]
        made += 0.6 * part[(own * np.uint64(64) + (mixed >> np.uint64(40)) % np.uint64(64)) % np.uint64(65_536)]
        made /= np.linalg.norm(made, axis=-1, keepdims=True)
        return made


def queries_of(documents: MadeVectors, count: int, seed: int) -> np.ndarray:
    """Some of the documents with noise: (count, D), of length 1."""
    draw = np.random.default_rng(seed)
    near = documents[draw.choice(len(documents), count, replace=False)]
    noise = draw.standard_normal(near.shape).astype(np.float32) * np.std(near, axis=0)
    found = near + 0.3 * noise
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def measured(corpus: Corpus, folder: Path, memory_bytes: int) -> dict[str, Any]:
    """Build an index of made-up vectors, deepen and search it."""
    from embedtune.search.index import deepen, disk_index

    documents: Any = MadeVectors(corpus.passages, corpus.dimensions)
    asked = queries_of(documents, RECALL_QUERIES + corpus.queries, 1)
    times: dict[str, float] = {}
    began = time.process_time()

    def told(done: int, total: int) -> None:
        times.setdefault("first", time.process_time())
        print(f"\r{done:,} of {total:,} in {time.process_time() - began:.0f} s", end="", flush=True)

    index = disk_index(folder, documents, corpus.factory, corpus_hash="made", memory_bytes=memory_bytes, progress=told)
    built = time.process_time()
    train = times.get("first", built) - began
    recall = deepen(index, asked[:RECALL_QUERIES], K)
    began = time.process_time()
    index.top_k(asked[RECALL_QUERIES:], K)
    search = time.process_time() - began
    return {
        "passages": corpus.passages,
        "index": corpus.factory,
        "train_s": train,
        "build_s": built - times.get("first", built),
        "recall_s": began - built,
        "index_bytes": sum(one.stat().st_size for one in folder.iterdir()),
        "recall": recall,
        "effort": list(index.effort),
        "search_ms_per_query": 1000 * search / corpus.queries,
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def speeds_here(dimensions: int, lists: int, count: int, folder: Path) -> Speeds:
    """The speeds of this machine on a small corpus of made-up vectors."""
    import faiss

    from embedtune.search.dense import rescored, top_k
    from embedtune.search.keys import TieOrder

    documents: Any = MadeVectors(count, dimensions)
    index = faiss.index_factory(dimensions, f"IVF{lists},PQ32", faiss.METRIC_INNER_PRODUCT)
    pq = faiss.downcast_index(index)
    pq.do_polysemous_training, pq.cp.niter, pq.cp.min_points_per_centroid = False, 2, 1
    index.train(documents[:65_536])
    began = time.process_time()
    for first in range(0, count, 16_384):
        index.add(documents[first : min(first + 16_384, count)])
    adding = time.process_time() - began
    asked = queries_of(documents, 100, 2)
    seconds = {}
    few, many = max(1, lists // 16), lists // 2  # the first lists fill the candidates, which later ones seldom change
    for probed in (few, many):
        pq.nprobe = probed
        began = time.process_time()
        index.search(asked, 4 * K + 16)
        seconds[probed] = time.process_time() - began
    scanned = 100 * (many - few) * count / lists / max(1e-9, seconds[many] - seconds[few])
    began = time.process_time()
    top_k(asked, documents, K)
    exact = time.process_time() - began
    positions = np.random.default_rng(3).integers(0, count, (100, 416))
    began = time.process_time()
    rescored(asked, documents, positions, K, TieOrder(count), 2**30)
    return Speeds(
        flops=2 * dimensions * (lists + 256) * count / adding,
        scanned=scanned,
        exact=2 * 100 * count * dimensions / exact,
        rescored=positions.size / (time.process_time() - began),
        read=math.inf,  # made-up vectors are computed, not read, and that is in the other speeds
    )


NODE = Speeds(flops=5e11, scanned=1.5e9, exact=5e11, rescored=2e6, read=2e9)
"""A machine with 16 cores and a fast disk, for the table in the documentation: estimated, not measured."""
PLANNED = (
    Corpus(10**6, 384, 1024, 16),
    Corpus(10**7, 384, 4096, 32),
    Corpus(10**8, 384, 16_384, 64),
    Corpus(10**9, 384, 65_536, 64),
)


def table(speed: Speeds = NODE) -> str:
    """The plan of every size, as a Markdown table."""
    rows = [
        "| passages | `--index` | vectors | index | memory besides | training | building | recall | per query |",
        "| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for corpus in PLANNED:
        found = plan(corpus, speed)
        size = [f"{found[name] / 1e9:,.1f} GB" for name in ("vectors_bytes", "index_bytes", "memory_bytes")]
        spent = [_spent(found[name]) for name in ("train_s", "build_s", "recall_s")]
        cells = [f"{corpus.passages:,}", f"`{corpus.factory}`", *size, *spent, f"{found['search_ms_per_query']:.1f} ms"]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def _spent(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{max(1, round(seconds / 60))} min"


def main() -> None:
    """Print the plan, or measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plan", action="store_true")
    parser.add_argument("--measure", type=int)
    parser.add_argument("--predict-from", type=int, default=100_000)
    parser.add_argument("--dimensions", type=int, default=256)
    parser.add_argument("--lists", type=int, default=1024)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--memory", type=float, default=4.0, help="GiB")
    parser.add_argument("--folder", type=Path, default=Path("large"))
    args = parser.parse_args()
    if args.plan or not args.measure:
        print(table())
        return
    args.folder.mkdir(parents=True, exist_ok=True)
    speed = speeds_here(args.dimensions, args.lists, args.predict_from, args.folder)
    print("speeds", json.dumps(asdict(speed)), flush=True)
    corpus = Corpus(args.measure, args.dimensions, args.lists, 32, queries=args.queries)
    print("predicted", json.dumps(plan(corpus, speed)), flush=True)
    found = measured(corpus, args.folder / str(args.measure), int(args.memory * 2**30))
    print("\nmeasured", json.dumps(found), flush=True)
    probed, fetched = found["effort"]
    same = Corpus(args.measure, args.dimensions, args.lists, probed, fetched * K + 16, queries=args.queries)
    print("predicted for this effort", json.dumps(plan(same, speed)), flush=True)


if __name__ == "__main__":
    main()
