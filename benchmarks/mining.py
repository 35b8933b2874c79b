"""Mining compared with sentence-transformers' `mine_hard_negatives`: time without encoding, and peak memory.

    python benchmarks/mining.py --size 10000x50000 --size 50000x200000
    python benchmarks/mining.py --size 10000x1000000 --ours --memory-gib 2

All miners get the same random vectors of 256 dimensions, on disk before the clock starts; the peer's encoder returns
them. Each query has one positive. Of the 100 nearest documents, those above the positive's score minus 0.05 are dropped
and the best five are kept. Each measurement runs in its own process. Peak memory is the highest resident size above
that after all imports, including pages of mapped files, which the system can reclaim. Linux only.
"""

# ruff: noqa: PLC0415  (each child imports only what its miner needs)

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil

DIMENSIONS, WINDOW, NEGATIVES, MARGIN, BLOCK = 256, 100, 5, 0.05, 8192
MINERS = ("embedtune", "sentence-transformers, FAISS", "sentence-transformers, torch")


def main() -> None:
    """Measure everything and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", action="append", help="QUERIESxDOCUMENTS (repeatable)")
    parser.add_argument("--ours", action="store_true", help="leave sentence-transformers out")
    parser.add_argument("--memory-gib", type=float, default=1.0, help="memory limit of embedtune's search")
    parser.add_argument("--one", nargs=2, metavar=("MINER", "FOLDER"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        measure(args.one[0], Path(args.one[1]), int(args.memory_gib * 2**30))
        return
    for size in args.size or ("10000x50000",):
        queries, documents = map(int, size.split("x"))
        with tempfile.TemporaryDirectory() as folder:
            prepare(Path(folder), queries, documents)
            found = {}
            for miner in MINERS[: 1 if args.ours else None]:
                command = [sys.executable, __file__, "--one", miner, folder, "--memory-gib", str(args.memory_gib)]
                said = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
                one = json.loads(said.splitlines()[-1])
                found[miner] = np.load(Path(folder) / f"{miner}.npy")
                same = (found[miner] == found[MINERS[0]]).mean()
                print(
                    f"| {queries:,} x {documents:,} | {miner} | {one['elapsed_s']:.1f} s | {one['cpu_s']:.1f} s | "
                    f"{one['peak_bytes'] / 2**30:.2f} GiB | {one['rows']:,} | {same:.4%} |",
                    flush=True,
                )


def prepare(folder: Path, queries: int, documents: int) -> None:
    """Write the vectors and our corpus; a document's text is its number."""
    from embedtune.data.sources.documents import CorpusText
    from embedtune.data.texts.corpus import write_corpus

    rng = np.random.default_rng(0)
    vectors = np.lib.format.open_memmap(folder / "d.npy", "w+", np.float32, (documents, DIMENSIONS))
    for first in range(0, documents, 65_536):
        part = rng.standard_normal((min(65_536, documents - first), DIMENSIONS), dtype=np.float32)  # (c, D)
        vectors[first : first + len(part)] = part / np.linalg.norm(part, axis=1, keepdims=True)
    # Query i is near document i, its positive; the distance varies, so that the margin drops some candidates.
    near = vectors[:queries] * rng.uniform(0.1, 0.5, (queries, 1)).astype(np.float32)
    near += rng.standard_normal((queries, DIMENSIONS), dtype=np.float32) / DIMENSIONS**0.5
    np.save(folder / "q.npy", near / np.linalg.norm(near, axis=1, keepdims=True))
    write_corpus((CorpusText(str(i), f"d{i}") for i in range(documents)), folder / "corpus", {})


def measure(miner: str, folder: Path, memory_bytes: int) -> None:
    """In the child: mine once; print time and peak."""
    step = {MINERS[0]: ours, MINERS[1]: theirs, MINERS[2]: theirs}[miner]
    mine = step(folder, memory_bytes if miner == MINERS[0] else miner == MINERS[1])
    Path("/proc/self/clear_refs").write_text("5")  # resets the peak to the current resident size
    before = psutil.Process().memory_info().rss
    started, cpu = time.monotonic(), time.process_time()
    negatives = mine()
    result = {"elapsed_s": time.monotonic() - started, "cpu_s": time.process_time() - cpu}
    peak = int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) * 1024
    np.save(folder / f"{miner}.npy", negatives)
    print(json.dumps({**result, "peak_bytes": peak - before, "rows": int((negatives >= 0).all(axis=1).sum())}))


def ours(folder: Path, memory_bytes: int):
    """Search, filter and choose, block by block, and write rows with texts to a file."""
    import faiss  # noqa: F401  (imported before the clock starts, as for the peer)
    import pyarrow.ipc  # noqa: F401

    from embedtune.data.texts.corpus import open_corpus
    from embedtune.mining.candidate_block import CandidateBlock, belongs
    from embedtune.mining.filters import Margin, judge
    from embedtune.mining.sample import choose
    from embedtune.search.dense import top_k

    def mine() -> np.ndarray:
        corpus = open_corpus(folder / "corpus", {})
        queries, documents = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in "qd")
        ranks, chosen = corpus.tie_ranks(), []
        with (folder / "mined.jsonl").open("w") as out:
            for first in range(0, len(queries), BLOCK):
                block = np.asarray(queries[first : first + BLOCK])  # (q, D)
                own = np.arange(len(block))  # (q,)
                scores, found = top_k(block, documents, WINDOW + 1, tie_rank=ranks, memory_bytes=memory_bytes)
                positive = np.vecdot(block, documents[first : first + len(block)])  # (q,)
                known = belongs(found, np.stack([own, first + own], axis=1))  # (q, K)
                candidates = CandidateBlock(found, scores, positive, known)
                picked = choose(
                    candidates,
                    judge(candidates, [Margin(MARGIN)]).reasons == 0,
                    NEGATIVES,
                    query_ids=first + own,
                    document_ids=corpus.text_ids[found],
                ).columns
                rows = np.where(picked < 0, -1, np.take_along_axis(found, np.maximum(picked, 0), axis=1))  # (q, n)
                chosen.append(np.where((rows < 0).any(axis=1, keepdims=True), -1, rows))
                full = chosen[-1][chosen[-1][:, 0] >= 0]  # (r, n)
                texts = iter(corpus.texts(full.ravel()))
                out.writelines(json.dumps([next(texts) for _ in row]) + "\n" for row in full)
        return np.concatenate(chosen)

    return mine


def theirs(folder: Path, use_faiss: bool):
    """sentence-transformers' miner around an encoder that returns the vectors."""
    import torch
    from datasets import Dataset
    from sentence_transformers import util
    from sentence_transformers.util import mine_hard_negatives

    if use_faiss:
        import faiss  # noqa: F401

    class Given:
        device = torch.device("cpu")
        prompts: None = None
        similarity = staticmethod(util.cos_sim)
        similarity_pairwise = staticmethod(util.pairwise_cos_sim)

        def get_embedding_dimension(self) -> int:
            return DIMENSIONS

        def _vectors(self, texts: list[str]) -> np.ndarray:
            return np.load(folder / f"{texts[0][0]}.npy")[[int(text[1:]) for text in texts]]

        def encode_query(self, texts: list[str], **_: object) -> np.ndarray:
            return self._vectors(texts)

        encode_document = encode_query

    count, documents = (len(np.load(folder / f"{name}.npy", mmap_mode="r")) for name in "qd")
    rows = Dataset.from_dict({"q": [f"q{i}" for i in range(count)], "p": [f"d{i}" for i in range(count)]})
    corpus = [f"d{i}" for i in range(documents)]

    def mine() -> np.ndarray:
        mined = mine_hard_negatives(
            rows,
            Given(),
            corpus=corpus,
            range_max=WINDOW,
            absolute_margin=MARGIN,
            num_negatives=NEGATIVES,
            output_format="n-tuple",
            use_faiss=use_faiss,
            verbose=False,
        )
        negatives = np.full((count, NEGATIVES), -1)
        for row in mined:
            negatives[int(row["q"][1:])] = [int(row[f"negative_{i}"][1:]) for i in range(1, NEGATIVES + 1)]
        return negatives

    return mine


if __name__ == "__main__":
    main()
