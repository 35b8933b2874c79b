"""Learning from texts alone, method by method, and from simulated preferences: `embedtune train` per method and seed.

    python benchmarks/selfsupervised.py --retrieval ../data/welfare-ko --sts ../data/sts-ko --sts ../data/sts-en \
        --results selfsupervised/
    python benchmarks/selfsupervised.py --retrieval ../data/welfare-ko --sts ../data/sts-ko --results selfsupervised/ \
        --model PATH/small-transformer
    python benchmarks/selfsupervised.py --preferences ../data/welfare-ko --results selfsupervised/

Every method starts from the same encoder and sees the same number of texts. On a retrieval set it learns from the
corpus without its pairs, measured by test nDCG@10; on an STS set from the sentences of the training split without their
scores, measured by Spearman on dev and test. Preferences are simulated: the judged answer is preferred to a document
mined with an encoder (`embedtune mine`), for the training split's queries.

Each finished run leaves a JSON file in the results folder, so the same command resumes; the tables are made from all
files in it. All commands run in this one process, which loads the libraries once.
"""

import argparse
import json
import shlex
import sys
import tempfile
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from embedtune.cli.shared.app import main as command

METRIC = "ndcg@10"
INTERRUPTED = 130
METHODS = {
    "infonce": "--loss infonce --views {views}",
    "infonce, crop+delete": "--loss infonce --views crop+delete:0.1",
    "infonce, delete": "--loss infonce --views delete:0.3",
    "infonce, repeat": "--loss infonce --views repeat",
    "moco": "--loss moco --views {views} --queue 1024 averaged_teacher.momentum=0.9",
    "byol": "--loss byol --views {views}",
    "simsiam": "--loss simsiam --views {views}",
    "barlow": "--loss barlow --views {views}",
    "swav": "--loss swav --views {views} --queue 2048",
    "dino": "--loss dino --views {views} data.further_views=2",
    "lejepa": "--loss lejepa --views {views}",
    "deepcluster": "--loss deepcluster --views {views}",
    "denoise": "--loss denoise",
    "infonce + denoise": "--loss infonce --loss denoise:0.1 --views {views}",
    "infonce + deepcluster": "--loss infonce --loss deepcluster:0.5 --views {views}",
}
"""What each method adds to the command; `{views}` is the value of --views."""
DROPOUT = {"simcse": "--loss infonce --views dropout", "lejepa, dropout": "--loss lejepa --views dropout"}
"""Methods that a static encoder cannot do."""
PREFERENCES = {
    "start": None,
    "dpo": "--loss dpo loss.0.args.beta=0.5",
    "dpo, beta 0.1": "--loss dpo loss.0.args.beta=0.1",
    "dpo, ipo": "--loss dpo loss.0.args.kind=ipo loss.0.args.beta=0.5",
    "infonce": "--loss infonce",
    "infonce + dpo": "--loss infonce --loss dpo:0.5 loss.1.args.beta=0.5",
}


def embedtune(*words: str) -> dict[str, Any]:
    """The `--json` result of a command."""
    said = StringIO()
    try:
        with redirect_stdout(said):
            command([*words, "--json", "--quiet"])
    except SystemExit as end:
        if end.code == INTERRUPTED:
            raise KeyboardInterrupt from None
    found: dict[str, Any] = json.loads(said.getvalue())
    return found


def sentences_of(folder: Path, into: Path) -> Path:
    """The sentences of an STS set's training split, one per line, as a plain text file."""
    rows = [json.loads(line) for line in (folder / "train.jsonl").read_text(encoding="utf-8").splitlines()]
    texts = dict.fromkeys(" ".join(row[name].split()) for row in rows for name in ("sentence1", "sentence2"))
    path = into / "sentences.txt"
    path.write_text("\n".join(texts) + "\n", encoding="utf-8")
    return path


def train(data: str, options: str, seed: int, output: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """One run on texts alone."""
    words = ["--data", data, "--texts-only", "--seed", str(seed), "--output", str(output)]
    words += ["--store", store_of(arguments), "output.check_saved=here"]
    words += ["--epochs", str(arguments.epochs), "--batch-size", str(arguments.batch_size)]
    if arguments.max_steps:
        words += ["--max-steps", str(arguments.max_steps)]
    words += shlex.split(arguments.options) + (["--model", arguments.model] if arguments.model else [])
    return embedtune("train", *words, *shlex.split(options.format(views=arguments.views)))


def store_of(arguments: argparse.Namespace) -> str:
    """Where the vectors of a starting model that all runs share are stored; every run makes its own starter."""
    return str(arguments.results / "vectors") if arguments.model else "none"


def retrieval(folder: Path, options: str, seed: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """Test scores of one method on a judged set, before and after."""
    with tempfile.TemporaryDirectory() as made:
        result = train(str(folder), options, seed, Path(made) / "run", arguments)
        if "error" in result:
            return result
        verdict = result["verdict"]
        return {
            "before": result["before"][METRIC],
            "after": result["after"][METRIC],
            "dev": dev_scores(result),
            "difference": verdict["difference"],
            "interval": verdict["interval"],
            "verdict": verdict["verdict"],
            "elapsed_s": result["elapsed_s"],
            "findings": [finding["code"] for finding in result["findings"]],
            "collapse": last_gauges(Path(made) / "run" / "metrics.jsonl", "collapse."),
        }


def dev_scores(result: dict[str, Any]) -> dict[str, float]:
    """Dev scores of the selected model by metric, by which defaults are chosen; empty without dev."""
    if not result["dev_curve"]:
        return {}
    return next(scores for step, scores in result["dev_curve"] if step == result["best_step"])


def similarity(folder: Path, options: str, seed: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """Spearman on dev and test of one method on an STS set, before (a starter made from the sentences) and after."""
    with tempfile.TemporaryDirectory() as made:
        run = Path(made) / "run"
        result = train(str(sentences_of(folder, Path(made))), options, seed, run, arguments)
        if "error" in result:
            return result
        start = arguments.model or str(run / "start")
        found: dict[str, Any] = {"elapsed_s": result["elapsed_s"]}
        for split in ("dev", "test"):
            words = ["--model", start, "--model", str(run / "model"), "--data", str(folder), "--split", split]
            scored = embedtune("evaluate", *words, "--store", store_of(arguments), "--output", str(Path(made) / split))
            if "error" in scored:
                return scored
            found |= {
                f"{when} {split}": row["metrics"]["spearman"]
                for when, row in zip(("before", "after"), scored["models"], strict=True)
            }
        return found


def preferences(folder: Path, options: str | None, seed: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """Test scores after learning to prefer judged to mined answers; "start" is an encoder trained on the corpus."""
    start = arguments.results / f"preference-start-{folder.name}-{seed}"
    rows = arguments.results / f"preferences-{folder.name}-{seed}.jsonl"
    if not (start / "report.json").exists():
        train(str(folder), METHODS["infonce"], seed, start, arguments)
    if not rows.exists():
        simulate(folder, start / "model", rows)
    if options is None:
        report = json.loads((start / "report.json").read_text(encoding="utf-8"))
        return {"after": report["after"][METRIC], "before": report["before"][METRIC]}
    with tempfile.TemporaryDirectory() as made:
        words = ["--data", str(rows), "--eval-data", str(folder), "--model", str(start / "model"), "--seed", str(seed)]
        words += ["--store", "none", "--output", str(Path(made) / "run"), "--epochs", str(arguments.epochs)]
        words += ["output.check_saved=here"]
        result = embedtune("train", *words, *shlex.split(options))
        if "error" in result:
            return result
        verdict = result["verdict"]
        found = {name: verdict[name] for name in ("difference", "interval", "verdict", "on")}
        scores = {when: result[when][METRIC] for when in ("before", "after")}
        return found | scores | {"gauges": last_gauges(Path(made) / "run" / "metrics.jsonl", "dpo.")}


def simulate(folder: Path, model: Path, path: Path) -> None:
    """Write preferences: each judged answer of the training split over one mined document."""
    mined = path.with_suffix(".mined.jsonl")
    words = ["--data", str(folder), "--model", str(model), "--negatives", "1", "--store", "none"]
    result = embedtune("mine", *words, "--output", str(mined))
    if "error" in result:
        raise SystemExit(result["error"])
    rows = [json.loads(line) for line in mined.read_text(encoding="utf-8").splitlines()]
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            for rejected in row["negatives"]:
                one = {"anchor": row["anchor"], "chosen": row["positive"], "rejected": rejected}
                file.write(json.dumps(one, ensure_ascii=False) + "\n")


def last_gauges(path: Path, prefix: str) -> dict[str, float]:
    """The last values of the gauges whose names start with this prefix."""
    found: dict[str, float] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        found |= {name: round(value, 4) for name, value in json.loads(line).items() if name.startswith(prefix)}
    return found


def measured(path: Path, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The result in this file, or that of the work, which is written to the file unless it failed."""
    if path.exists():
        kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return kept
    result = work()
    if "error" not in result:
        path.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    print(f"{path.stem}: {json.dumps(result, ensure_ascii=False)[:300]}", file=sys.stderr, flush=True)
    return result


def table(title: str, rows: dict[str, list[dict[str, Any]]], columns: list[str]) -> None:
    """Print a Markdown table with one row per method."""
    print(f"\n{title}\n\n| method | {' | '.join(columns)} |\n| --- |{' --- |' * len(columns)}")
    for name, runs in rows.items():
        cells = [cell([run[column] for run in runs if column in run]) for column in columns]
        print(f"| {name} | {' | '.join(cells)} |")


def cell(values: list[Any]) -> str:
    """The mean over seeds and each seed; for intervals, the smallest that covers all.

    >>> cell([0.5, 0.6]), cell([[0.01, 0.02], [0.015, 0.03]])
    ('0.550 (0.500 0.600)', '+0.010 to +0.030')
    """
    if not values:
        return "not finished: see its file"
    if isinstance(values[0], list):
        return f"{min(low for low, _ in values):+.3f} to {max(high for _, high in values):+.3f}"
    if isinstance(values[0], dict):
        names = dict.fromkeys(name for value in values for name in value)
        return "; ".join(f"{name} {np.mean([value[name] for value in values if name in value]):.3f}" for name in names)
    return f"{np.mean(values):.3f} ({' '.join(f'{value:.3f}' for value in values)})"


def main() -> None:
    """Run what is missing, then print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--retrieval", action="append", type=Path, default=[], help="a judged set (a BEIR folder)")
    parser.add_argument("--sts", action="append", type=Path, default=[], help="a folder of scored pairs")
    parser.add_argument("--preferences", action="append", type=Path, default=[], help="a judged set, for preferences")
    parser.add_argument("--model", help="start from this encoder (default: a starter)")
    parser.add_argument("--method", action="append", help="only these (repeatable)")
    parser.add_argument("--add", action="append", default=[], metavar="NAME=WORDS", help="an additional method")
    parser.add_argument("--views", default="crop")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--max-steps", type=int)
    parser.add_argument("--options", default="", help="additional options for every `embedtune train`")
    parser.add_argument("--tables", action="store_true", help="run nothing; make tables from the existing results")
    parser.add_argument("--results", type=Path, required=True, help="a folder with one file per run")
    arguments = parser.parse_args()
    arguments.results.mkdir(parents=True, exist_ok=True)
    further = dict(one.split("=", 1) for one in arguments.add)
    methods = METHODS | (DROPOUT if arguments.model else {}) | further
    kinds: list[tuple[str, list[Path], Any, Any, list[str]]] = [
        ("retrieval", arguments.retrieval, methods, retrieval, ["before", "after", "difference", "interval"]),
        ("sts", arguments.sts, methods, similarity, ["before dev", "after dev", "before test", "after test"]),
        ("preferences", arguments.preferences, PREFERENCES, preferences, ["before", "after", "interval", "gauges"]),
    ]
    start = Path(arguments.model).name if arguments.model else "starter"
    for kind, folders, variants, work, columns in kinds:
        for folder in folders:
            chosen = {name: one for name, one in variants.items() if not arguments.method or name in arguments.method}
            rows: dict[str, list[dict[str, Any]]] = {name: [] for name in chosen}
            for seed in range(arguments.seeds):
                for name, options in chosen.items():
                    path = arguments.results / f"{kind}-{folder.name}-{start}-{name.replace(' ', '')}-{seed}.json"
                    if path.exists() or not arguments.tables:
                        rows[name].append(measured(path, partial(work, folder, options, seed, arguments)))
            table(f"{kind}, {folder.name}, from {start}", rows, columns)


if __name__ == "__main__":
    main()
