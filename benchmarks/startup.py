"""The cost of starting: CPU seconds of `--help`, and of training and evaluating on the built-in samples.

    python benchmarks/startup.py --rounds 5 --json startup.json

Every command runs in its own process, and the commands alternate. Medians are printed: user and system time of the
process and its children, and wall time. For comparison: the import of sentence-transformers, which no program built on
it can avoid, and a plain sentence-transformers script with the same encoder and pairs, 30 steps of 256 with
MultipleNegativesRankingLoss, evaluated before and after, saved. The script chooses no margin, scores no dev split, does
not check the saved model and writes no report.
"""

# ruff: noqa: PLC0415  (only the child imports what is measured)

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import psutil

from embedtune.cli.shared.app import verb_names

ROOT = Path(__file__).parents[1]
SAMPLES = ROOT / "data" / "samples"
STEPS, BATCH, RATE = 30, 256, 2e-2
COMMAND = (sys.executable, "-c", "from embedtune.cli.shared.app import main; main()")


def main() -> None:
    """Measure everything, alternating, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="where to write all measurements")
    parser.add_argument("--peer", type=Path, metavar="ENCODER", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.peer:
        train_with_the_peer(args.peer)
        return
    with tempfile.TemporaryDirectory() as folder:
        # Warms the disk cache, and makes the encoder that the peer starts from.
        timed((*COMMAND, "train", "--quiet", "--output", f"{folder}/first"), folder)
        samples: dict[str, list[dict[str, float]]] = {}
        for number in range(args.rounds):
            for name, command in commands(folder, number).items():
                samples.setdefault(name, []).append(timed(command, folder))
    print(table(samples))
    if args.json:
        facts = {"date": date.today().isoformat(), "cpus": os.cpu_count(), "memory": psutil.virtual_memory().total}
        args.json.write_text(json.dumps({"machine": facts, "samples": samples}, indent=1) + "\n", encoding="utf-8")


def commands(folder: str, number: int) -> dict[str, Sequence[str]]:
    """What is measured, by name."""
    store = ("--store", "none")
    return {
        "embedtune --help": (*COMMAND, "--help"),
        **{f"embedtune {verb} --help": (*COMMAND, verb, "--help") for verb in verb_names()},
        "embedtune train": (*COMMAND, "train", "--quiet", "--output", f"{folder}/run-{number}", *store),
        "embedtune evaluate": (
            *COMMAND, "evaluate", "--quiet", "--model", f"{folder}/first/model", "--output", f"{folder}/seen-{number}",
            *store,
        ),
        "embedtune evaluate --model bm25": (
            *COMMAND, "evaluate", "--quiet", "--model", "bm25", "--output", f"{folder}/words-{number}",
        ),
        "embedtune check": (*COMMAND, "check", "--quiet"),
        "embedtune search": (*COMMAND, "search", "--quiet", "--model", "bm25", "비밀번호"),
        "import sentence_transformers": (sys.executable, "-c", "import sentence_transformers"),
        "sentence-transformers script": (sys.executable, __file__, "--peer", f"{folder}/first/start"),
    }  # fmt: skip


def timed(command: Sequence[str], folder: str) -> dict[str, float]:
    """Wall, user and system seconds of a command and its children."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, env={**os.environ, "HF_HUB_OFFLINE": "1"}
    )
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return {"wall_s": wall, "user_s": after.ru_utime - before.ru_utime, "system_s": after.ru_stime - before.ru_stime}


def table(samples: dict[str, list[dict[str, float]]]) -> str:
    """Medians as Markdown."""
    lines = ["| command | CPU | of it system | wall | samples of CPU |", "| --- | --- | --- | --- | --- |"]
    for name, found in samples.items():
        used = [one["user_s"] + one["system_s"] for one in found]
        system, wall = (statistics.median(one[key] for one in found) for key in ("system_s", "wall_s"))
        listed = ", ".join(f"{seconds:.2f}" for seconds in used)
        lines.append(f"| `{name}` | {statistics.median(used):.2f} s | {system:.2f} s | {wall:.2f} s | {listed} |")
    return "\n".join(lines)


def train_with_the_peer(encoder: Path) -> None:
    """Train and evaluate as a short sentence-transformers script would."""
    from datasets import Dataset
    from sentence_transformers import (
        SentenceTransformer,
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )
    from sentence_transformers.losses import MultipleNegativesRankingLoss

    queries, corpus, judged = (
        texts("queries.jsonl"),
        texts("corpus.jsonl"),
        {s: judgments(s) for s in ("train", "test")},
    )
    pairs = [(queries[query], corpus[document]) for query, found in judged["train"].items() for document in found]
    model = SentenceTransformer(str(encoder), device="cpu")
    test = evaluator(queries, corpus, judgments("test"))
    test(model)
    with tempfile.TemporaryDirectory() as folder:
        SentenceTransformerTrainer(
            model=model,
            args=SentenceTransformerTrainingArguments(
                folder, max_steps=STEPS, per_device_train_batch_size=BATCH, learning_rate=RATE, report_to="none"
            ),
            train_dataset=Dataset.from_dict({"anchor": [a for a, _ in pairs], "positive": [p for _, p in pairs]}),
            loss=MultipleNegativesRankingLoss(model),
        ).train()
        test(model)
        model.save_pretrained(f"{folder}/model")


def evaluator(queries: dict[str, str], corpus: dict[str, str], judged: dict[str, set[str]]) -> Any:
    """The peer's evaluator of one split."""
    from sentence_transformers.evaluation import InformationRetrievalEvaluator

    asked = {query: queries[query] for query in judged}
    return InformationRetrievalEvaluator(asked, corpus, judged, show_progress_bar=False)


def texts(name: str) -> dict[str, str]:
    """Texts of the samples by id, with their titles first."""
    lines = (SAMPLES / name).read_text(encoding="utf-8").splitlines()
    return {one["_id"]: f"{one.get('title', '')} {one['text']}".strip() for one in map(json.loads, lines)}


def judgments(split: str) -> dict[str, set[str]]:
    """The documents that a split judges relevant, by query."""
    found: dict[str, set[str]] = {}
    for line in (SAMPLES / "qrels" / f"{split}.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        query, document, score = line.split("\t")
        if float(score) > 0:
            found.setdefault(query, set()).add(document)
    return found


if __name__ == "__main__":
    main()
