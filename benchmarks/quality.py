"""Losses and guides compared on real sets: `embedtune train` per set, variant and seed, judged query by query.

    python benchmarks/quality.py --data ../data/welfare-ko --data ../data/banking77-pairs --json quality.json

Each variant is a plain `embedtune train` command line, so whatever it reports a user can get. Scores are test
nDCG@10 on the part the verdict rests on. A variant is compared with the first one by a paired permutation test on
per-query means over the seeds; p-values are Holm-adjusted over the variants of a set.
"""

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from embedtune.evaluation.significance import compare_paired, holm

METRIC = "ndcg@10"
VARIANTS = {
    "infonce": "--loss infonce",
    "gist": "--loss gist",
}


def run(data: str, options: str, seed: int, folder: Path) -> dict:
    """One training run; returns its `--json` result, with per-query scores under `queries`."""
    command = [sys.executable, "-c", "from embedtune.cli.app import main; main()", "train", "--data", data]
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
    """One row a variant: its scores, and its difference from the first variant."""
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


def main() -> None:
    """Run everything and print a table a set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", action="append", required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--variant", action="append", metavar="NAME=OPTIONS", help="instead of the built-in ones")
    parser.add_argument("--json", type=Path, help="write the results here")
    arguments = parser.parse_args()
    variants = dict(one.split("=", 1) for one in arguments.variant) if arguments.variant else VARIANTS
    report = {}
    for data in arguments.data:
        results: dict[str, list[dict]] = {name: [] for name in variants}
        for seed in range(arguments.seeds):
            for name, options in variants.items():
                with tempfile.TemporaryDirectory() as folder:
                    results[name].append(run(data, options, seed, Path(folder) / "run"))
        report[Path(data).name] = compare(results)
        print(f"\n{Path(data).name}: before training {results[next(iter(variants))][0]['before'][METRIC]:.4f}")
        for row in report[Path(data).name]:
            print("  " + json.dumps(row, ensure_ascii=False), flush=True)
        if arguments.json:
            arguments.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
