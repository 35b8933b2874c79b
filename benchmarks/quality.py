"""Losses and guides compared on real sets: `embedtune train` per set, variant and seed, compared query by query.

    python benchmarks/quality.py --data ../data/welfare-ko --data ../data/banking77-pairs --json quality.json
    python benchmarks/quality.py --data ../data/medquad --oracle medquad=../data/medquad/queries.jsonl:focus \
        --oracle medquad=../data/medquad/corpus.jsonl:focus

Each variant is a plain `embedtune train` command, so a user can get every result. Scores are test nDCG@10 on the
queries that the verdict rests on. A variant is compared with the first one by a paired permutation test on
per-query means over the seeds; p-values are Holm-adjusted over the variants of a set. An oracle is a guide made from
the true classes: a file of vectors in which texts of one class have cosine 1 and others nearly 0.
"""

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from embedtune.evaluation.verdicts.paired_tests import holm
from embedtune.evaluation.verdicts.significance import compare_paired

METRIC = "ndcg@10"
VARIANTS = {
    "infonce": "--loss infonce",
    "gist": "--loss gist",
    "gist, margin 0.2": "--loss gist --margin 0.2",
    "gist, margin 0.2, weight 0.3": "--loss gist --margin 0.2 loss.0.args.false_negative_weight=0.3",
    "gist, guide trained by infonce": "--loss gist --guide {infonce} --margin auto",
    "gist + distillation": "--loss gist --margin auto loss.0.args.distill_weight=0.3 loss.0.args.distill_over=batch",
    "gist + sigreg": "--loss gist --loss sigreg:0.05",
    "triplet": "--loss triplet",
}
"""`{infonce}` is the model that the variant of this name made with the same seed."""
ORACLE = "gist, oracle guide"
ORACLE_DIMENSIONS = 256
"""At this width, random directions have cosines of about 1/16, and below 0.4 for all pairs of thousands of classes."""


def oracle_guide(sources: list[tuple[Path, str]], folder: Path) -> Path:
    """A guide file from true classes: each text has its class's random direction, or the sum over its classes.

    Args:
        sources: JSON Lines files with `text`, and the name of the field that holds the class.
        folder: where to write the file.
    """
    classes: dict[str, set[str]] = {}
    for path, field in sources:
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            classes.setdefault(row["text"], set()).add(row[field])
    names = sorted(set().union(*classes.values()))
    directions = np.random.default_rng(0).normal(size=(len(names), ORACLE_DIMENSIONS))  # (classes, D)
    place = {name: number for number, name in enumerate(names)}
    vectors = [directions[[place[name] for name in sorted(own)]].sum(axis=0).tolist() for own in classes.values()]
    path = folder / "oracle.parquet"
    pq.write_table(pa.table({"text": list(classes), "vector": vectors}), path)
    return path


def run(data: str, options: str, seed: int, folder: Path) -> dict:
    """One training run; returns its `--json` result, with per-query scores under `queries`."""
    command = [sys.executable, "-c", "from embedtune.cli.shared.app import main; main()", "train", "--data", data]
    command += [
        *shlex.split(options),
        "--seed",
        str(seed),
        "--output",
        str(folder),
        "--store",
        "none",
        "--json",
        "--quiet",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(
            f"{shlex.join(command)} ended with {done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        )
    result = json.loads(done.stdout)
    on_unseen = result["verdict"]["on"] == "unseen"
    lines = [json.loads(line) for line in (folder / "per_query.jsonl").read_text(encoding="utf-8").splitlines()]
    result["queries"] = {one["query"]: one["after"][METRIC] for one in lines if one["unseen"] or not on_unseen}
    return result


def compare(results: dict[str, list[dict]]) -> list[dict]:
    """One row per variant: its scores, and its difference from the first variant."""
    means = {}
    for name, runs in results.items():
        shared = sorted(set.intersection(*(set(one["queries"]) for one in runs)))
        means[name] = np.mean([[one["queries"][query] for query in shared] for one in runs], axis=0)  # (queries,)
    first = next(iter(means))
    found = {
        name: compare_paired(means[first], values, metric=METRIC) for name, values in means.items() if name != first
    }
    adjusted = dict(zip(found, holm(np.array([one.p_value for one in found.values()])), strict=True))
    rows = []
    for name, runs in results.items():
        row = {
            "variant": name,
            "seeds": [round(float(np.mean(list(one["queries"].values()))), 4) for one in runs],
            "mean": round(float(means[name].mean()), 4),
            "margins": [(one["facts"].get("margin") or {}).get("margin", "not chosen") for one in runs],
            "elapsed_s": round(float(np.median([one["elapsed_s"] for one in runs])), 1),
        }
        if name in found:
            row |= {
                "difference": round(found[name].difference, 4),
                "interval": [round(x, 4) for x in found[name].interval],
            }
            row |= {"p_holm": round(float(adjusted[name]), 4)}
        rows.append(row)
    return rows


def variants_of(arguments: argparse.Namespace, data: Path, folder: Path) -> dict[str, str]:
    """The command lines to compare on this set."""
    if arguments.variant:
        return dict(one.split("=", 1) for one in arguments.variant)
    sources = [one.split("=", 1)[1] for one in arguments.oracle if one.split("=", 1)[0] == data.name]
    if not sources:
        return VARIANTS
    split = [source.rsplit(":", 1) for source in sources]
    guide = oracle_guide([(Path(path), field) for path, field in split], folder)
    return {**VARIANTS, ORACLE: f"--loss gist --guide {shlex.quote(str(guide))} --margin 0.5"}


def run_all(arguments: argparse.Namespace, data: str) -> dict[str, list[dict]]:
    """Run every variant with every seed on one set."""
    with tempfile.TemporaryDirectory() as made:
        variants = variants_of(arguments, Path(data), Path(made))
        results: dict[str, list[dict]] = {name: [] for name in variants}
        for seed in range(arguments.seeds):
            models: dict[str, str] = {}
            for number, (name, options) in enumerate(variants.items()):
                folder = Path(made) / f"{seed}-{number}"
                results[name].append(run(data, options.format(**models), seed, folder))
                models[name] = shlex.quote(str(folder / "model"))
                score = np.mean(list(results[name][-1]["queries"].values()))
                print(f"{Path(data).name} seed {seed} {name}: {score:.4f}", file=sys.stderr, flush=True)
        return results


def main() -> None:
    """Run everything and print one table per set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", action="append", required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--variant", action="append", metavar="NAME=OPTIONS", help="instead of the built-in ones")
    parser.add_argument(
        "--oracle", action="append", default=[], metavar="SET=FILE:FIELD", help="classes of a set's texts (repeatable)"
    )
    parser.add_argument("--json", type=Path, help="write the results here")
    arguments = parser.parse_args()
    report = {}
    for data in arguments.data:
        results = run_all(arguments, data)
        report[Path(data).name] = compare(results)
        print(f"\n{Path(data).name}: before training {next(iter(results.values()))[0]['before'][METRIC]:.4f}")
        for row in report[Path(data).name]:
            print("  " + json.dumps(row, ensure_ascii=False), flush=True)
        if arguments.json:
            arguments.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
