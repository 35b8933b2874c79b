"""Evaluation compared with sentence-transformers' InformationRetrievalEvaluator: time and peak memory.

    python benchmarks/evaluation.py --queries 10000 --documents 50000 200000 --repeats 3 --json evaluation.json

All sides use the same encoder (a table of random word vectors, 256 dimensions, so that encoding is cheap), texts,
metrics and number of documents (the 100 best per query). With vectors given, everything but encoding is timed; from
texts, everything is. FAISS's exact search alone is a lower bound; the full command also reads a BEIR folder and writes
intervals, a TREC run, values per query and reports. Each measurement runs in its own process; imports and loading of
inputs are not timed. Peak memory is the highest resident size above that at the start of the clock, excluding the
vectors where they are made while it runs. Linux only.
"""

# ruff: noqa: PLC0415  (each child imports only what it measures)

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil

DIMENSIONS, VOCABULARY, DEPTH = 256, 30_000, 100
METRICS = ("ndcg@10", "mrr@10", "success@10", "recall@10", "recall@100", "precision@10", "precision@100", "map@100")
GIB = 2**30
FAISS = "FAISS flat search alone"
COMMAND = "embedtune evaluate, the whole command"


def main() -> None:
    """Measure everything and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queries", type=int, default=10_000)
    parser.add_argument("--documents", type=int, nargs="+", default=[50_000])
    parser.add_argument("--repeats", type=int, default=1, help="processes per measurement; times are their medians")
    parser.add_argument(
        "--only", nargs="+", choices=list(MEASURED), default=list(MEASURED), metavar="WHAT", help="measure only these"
    )
    parser.add_argument("--json", type=Path, help="also write the measurements here")
    parser.add_argument("--one", nargs=2, metavar=("WHAT", "FOLDER"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        measure(args.one[0], Path(args.one[1]))
        return
    found = []
    print("| queries x documents | | clock | CPU | relative to FAISS | peak beyond the vectors | nDCG@10 |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: |", flush=True)
    for documents in args.documents:
        with tempfile.TemporaryDirectory() as folder:
            prepare(Path(folder), args.queries, documents)
            searched = 0.0
            for what in args.only:
                one = {"queries": args.queries, "documents": documents, "what": what}
                one |= summed_up([child(what, folder) for _ in range(args.repeats)])
                searched = one["elapsed_s"] if what == FAISS else searched
                print(line(one, searched), flush=True)
                found.append(one)
    if args.json:
        args.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    said = disagreements(found)
    if said:
        sys.exit("\n".join(said))


def child(what: str, folder: str) -> dict[str, Any]:
    """One measurement, in its own process."""
    command = [sys.executable, __file__, "--one", what, folder]
    said = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    result: dict[str, Any] = json.loads(said.splitlines()[-1])
    return result


def summed_up(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians of the times, the highest peak, and all times."""
    times = {key: statistics.median(run[key] for run in runs) for key in ("elapsed_s", "cpu_s")}
    peak = max(run["peak_bytes"] for run in runs)
    return {**times, "peak_bytes": peak, "all_s": [run["elapsed_s"] for run in runs], "metrics": runs[0]["metrics"]}


def prepare(folder: Path, queries: int, documents: int) -> None:
    """Write the encoder, a BEIR folder and the vectors of both sides; a query has words of its document and others."""
    rng = np.random.default_rng(0)
    words = np.array([f"w{i}" for i in range(VOCABULARY)])
    drawn = rng.zipf(1.3, (documents, 24)) % VOCABULARY
    asked = np.concatenate([drawn[:queries, :6], rng.integers(0, VOCABULARY, (queries, 4))], axis=1)
    texts = {"corpus": [" ".join(row) for row in words[drawn]], "queries": [" ".join(row) for row in words[asked]]}
    for name, own in texts.items():
        records = (json.dumps({"_id": f"{name[0]}{i}", "text": text}) + "\n" for i, text in enumerate(own))
        (folder / f"{name}.jsonl").write_text("".join(records), encoding="utf-8")
    (folder / "qrels").mkdir()
    judged = "".join(f"q{i}\tc{i}\t1\nq{i}\tc{(i * 7 + 1) % documents}\t1\n" for i in range(queries))
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + judged, encoding="utf-8")
    command = [sys.executable, __file__, "--one", "prepare", str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def encode_all(folder: Path) -> None:
    """In a child, so that the parent never loads torch: the model, and the vectors of both sides."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(models.WordLevel({f"w{i}": i for i in range(VOCABULARY)}, unk_token="w0"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    weights = torch.randn(VOCABULARY, DIMENSIONS, generator=torch.Generator().manual_seed(0))
    module = StaticEmbedding(tokenizer, embedding_weights=weights)
    model = SentenceTransformer(modules=[module], device="cpu")
    model.save(str(folder / "model"), create_model_card=False)
    judged = retrieval_set(folder)
    for name, texts in (("q", judged.queries.values()), ("d", judged.corpus.values())):
        np.save(folder / f"{name}.npy", model.encode(list(texts), batch_size=4096, normalize_embeddings=True))


def retrieval_set(folder: Path):
    """The set as embedtune reads it."""
    from embedtune.data.sources.judged_source import read_judged

    return read_judged(str(folder), "test", {}).judged


def measure(what: str, folder: Path) -> None:
    """In the child: evaluate once; print time, peak and metrics."""
    if what == "prepare":
        encode_all(folder)
        return
    step, made = MEASURED[what]
    evaluate = step(folder)
    Path("/proc/self/clear_refs").write_text("5")  # resets the peak to the current resident size
    before = psutil.Process().memory_info().rss
    started, cpu = time.monotonic(), time.process_time()
    metrics = evaluate()
    result = {"elapsed_s": time.monotonic() - started, "cpu_s": time.process_time() - cpu, "metrics": metrics}
    peak = int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) * 1024
    vectors = sum((folder / f"{name}.npy").stat().st_size for name in "qd") if made else 0
    print(json.dumps({**result, "peak_bytes": peak - before - vectors}))


def given(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """The vectors of queries and documents, in memory."""
    return np.load(folder / "q.npy"), np.load(folder / "d.npy")


def faiss_alone(folder: Path) -> Callable[[], dict[str, float]]:
    """Only find the 100 nearest documents of each query."""
    import faiss

    queries, documents = given(folder)

    def search() -> dict[str, float]:
        faiss.knn(queries, documents, DEPTH, metric=faiss.METRIC_INNER_PRODUCT)
        return {}

    return search


def ours_given(folder: Path) -> Callable[[], dict[str, float]]:
    """embedtune, from a set and its vectors to the values per query."""
    import faiss  # noqa: F401  (imported before the clock starts)

    from embedtune.evaluation.tasks.judged_arrays import as_arrays
    from embedtune.evaluation.tasks.retrieval import rank_encoded, score_ranking

    queries, documents = given(folder)
    judged = retrieval_set(folder)

    def score() -> dict[str, float]:
        arrays = as_arrays(judged)
        ranking = rank_encoded(lambda _: queries, lambda _: documents, arrays, DEPTH)
        return score_ranking(ranking, arrays, METRICS).means

    return score


def ours(folder: Path) -> Callable[[], dict[str, float]]:
    """embedtune, from a set and an encoder."""
    import faiss  # noqa: F401

    from embedtune.config.sections.encoder import EncoderSection
    from embedtune.models.files.load import load_encoder
    from embedtune.workflows.shared.scoring import score

    encoder, judged = load_encoder(EncoderSection(name=str(folder / "model")), device="cpu"), retrieval_set(folder)
    return lambda: score(encoder, judged, metrics=METRICS).means


def the_command(folder: Path) -> Callable[[], dict[str, float]]:
    """`embedtune evaluate`, without the imports."""
    import faiss  # noqa: F401
    import sentence_transformers  # noqa: F401

    from embedtune.config.recipe.load import load
    from embedtune.config.verbs.evaluate import EvaluateConfig
    from embedtune.workflows.evaluate.run import evaluate

    with tempfile.TemporaryDirectory(dir=folder) as output:
        options = {"data": [str(folder)], "model": [str(folder / "model")], "metrics": ",".join(METRICS)}
        config = load(EvaluateConfig, options={**options, "store": "none", "device": "cpu", "output": output})
    return lambda: dict(evaluate(config).models[0]["metrics"])


def theirs_given(folder: Path) -> Callable[[], dict[str, float]]:
    """sentence-transformers' evaluator around an encoder that hands out vectors."""
    import torch
    from sentence_transformers.util import cos_sim

    queries, documents = map(torch.from_numpy, given(folder))
    places = iter((queries, *documents.split(50_000)))

    class Given:
        similarity_fn_name = "cosine"
        similarity = staticmethod(cos_sim)

        def encode_query(self, texts: list[str], **_: object) -> torch.Tensor:
            return next(places)

        encode_document = encode_query

    return _theirs(folder, Given())


def theirs(folder: Path) -> Callable[[], dict[str, float]]:
    """sentence-transformers' evaluator around the encoder."""
    from sentence_transformers import SentenceTransformer

    return _theirs(folder, SentenceTransformer(str(folder / "model"), device="cpu"))


def _theirs(folder: Path, model: object) -> Callable[[], dict[str, float]]:
    from sentence_transformers.sentence_transformer.evaluation import InformationRetrievalEvaluator

    judged = retrieval_set(folder)

    def evaluate() -> dict[str, float]:
        evaluator = InformationRetrievalEvaluator(
            dict(judged.queries),
            dict(judged.corpus),
            {query: set(grades) for query, grades in judged.qrels.items()},
            mrr_at_k=[10],
            ndcg_at_k=[10],
            accuracy_at_k=[10],
            precision_recall_at_k=[10, 100],
            map_at_k=[100],
            batch_size=4096,
        )
        evaluator.score_functions = evaluator._model_score_functions(model)
        found = evaluator.compute_all_metrics(model)["cosine"]
        name = {"success": "accuracy"}
        parts = (metric.split("@") for metric in METRICS)
        return {f"{word}@{k}": float(found[f"{name.get(word, word)}@k"][int(k)]) for word, k in parts}

    return evaluate


# What is measured -> how, and whether the vectors are made on the clock.
MEASURED: dict[str, tuple[Callable[[Path], Callable[[], dict[str, float]]], bool]] = {
    FAISS: (faiss_alone, False),
    "embedtune, vectors given": (ours_given, False),
    "InformationRetrievalEvaluator, vectors given": (theirs_given, False),
    "embedtune, from texts": (ours, True),
    "InformationRetrievalEvaluator, from texts": (theirs, True),
    COMMAND: (the_command, True),
}


def disagreements(found: list[dict[str, Any]]) -> list[str]:
    """Messages about metrics of one size that differ by more than float32 rounding explains."""
    first: dict[int, dict[str, Any]] = {}
    said = []
    for one in (one for one in found if one["metrics"]):
        other = first.setdefault(one["documents"], one)
        for metric, value in one["metrics"].items():
            if abs(value - other["metrics"][metric]) > 1e-5:
                said.append(f"{metric} is {value} for {one['what']} and {other['metrics'][metric]} for {other['what']}")
    return said


def line(one: dict[str, Any], searched_s: float) -> str:
    """A row of the table."""
    size = f"{one['queries']:,} x {one['documents']:,}"
    times = f"{one['elapsed_s']:.1f} s | {one['cpu_s']:.1f} s"
    against = f"{one['elapsed_s'] / searched_s:.2f}" if searched_s else ""
    ndcg = f"{one['metrics']['ndcg@10']:.6f}" if one["metrics"] else ""
    return f"| {size} | {one['what']} | {times} | {against} | {one['peak_bytes'] / GIB:.2f} GiB | {ndcg} |"


if __name__ == "__main__":
    main()
