"""GIST training compared with sentence-transformers: time, tokens per second, memory, and each part's contribution.

    python benchmarks/training.py --data PATH/medquad --max-length 128 --repeats 2 --json training.json
    python benchmarks/training.py --data PATH/medquad --ablation
    python benchmarks/training.py --data synthetic --check
    python benchmarks/training.py --max-length 256 --rows 256 --batch 256 --steps 1 --sides embedtune "peer cached"

The student has the shape of MiniLM-L6 (6 layers of 384, 12 heads, dropout 0.1), the guide 12 such layers; both have
random weights and a vocabulary learned from the texts. Rows have an anchor, a positive and one negative; three epochs.
The sides alternate, each in its own process. From a real set, `--rows` of its training pairs are used and the same
share of its corpus, from which the negatives are drawn, so that the guide encodes each text as often as on the full
set. `--check` compares the losses of the first steps of both sides, from equal weights and without dropout, on rows
that share no text: when a row's positive appears twice in its batch, embedtune drops it, while the peer leaves that to
the last bit of the guide's cosines.
"""

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
from dataclasses import asdict, replace
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

from training_parts import PARTS
from training_sides import Spec

OURS, PEER, PEER_BF16, PEER_CACHED, PEER_BEST = "embedtune", "peer", "peer bf16", "peer cached", "peer best"
NAMES = {PEER: "sentence-transformers", PEER_BF16: "sentence-transformers, bf16=True"}
NAMES[PEER_CACHED] = "sentence-transformers, CachedGISTEmbedLoss"
NAMES[PEER_BEST] = "sentence-transformers, bf16, flash attention, mini-batches of 16,384 tokens"
GIB = 2**30
TOLERANCE = 1e-3
CHECKED_STEPS = 4


def main() -> None:
    """Run the requested measurements, print a table and write JSON."""
    args = arguments()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        facts = prepare(folder, args)
        spec = Spec(OURS, made, args.batch, args.epochs, args.steps, device=args.device)
        spec = replace(spec, micro_batch_tokens=args.micro_batch_tokens)
        print(f"{facts['set']}, at most {args.max_length} tokens: {facts['words']}", flush=True)
        if args.check:
            report: dict[str, Any] = {"losses": check(spec)}
        else:
            report = {"runs": compared(args, spec, facts)}
    if args.json:
        report |= {"facts": facts, "options": {**vars(args), "json": None}, "date": date.today().isoformat()}
        args.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="synthetic", help="a BEIR folder, or synthetic: lengths with a heavy tail")
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--shape", choices=("minilm", "base"), default="minilm", help="of the student")
    parser.add_argument("--model", help="a pretrained encoder as student and as its own guide, not random weights")
    parser.add_argument("--rows", type=int, default=96)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--steps", type=int, help="stop after this many")
    parser.add_argument("--negatives", type=int, default=1, help="per row; the peer takes at most one")
    parser.add_argument(
        "--micro-batch-tokens", type=micro_batch_tokens, default="auto", help="embedtune only: auto, none, or a number"
    )
    parser.add_argument("--repeats", type=int, default=1, help="runs of each side; figures are medians")
    parser.add_argument("--sides", nargs="+", choices=(OURS, *NAMES), default=[OURS, PEER, PEER_BF16])
    parser.add_argument("--ablation", action="store_true", help="embedtune with one part at a time switched off")
    parser.add_argument(
        "--parts",
        nargs="+",
        choices=PARTS,
        default=list(PARTS),
        metavar="PART",
        help="of --ablation",
    )
    parser.add_argument("--check", action="store_true", help="compare losses instead of measuring")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def micro_batch_tokens(said: str) -> int | str | None:
    """The option of this name, from the command line."""
    return said if said == "auto" else None if said == "none" else int(said)


def compared(args: argparse.Namespace, spec: Spec, facts: dict[str, Any]) -> list[dict[str, Any]]:
    """Run every side, or every part of embedtune, alternating; one table."""
    specs = [replace(spec, side=side) for side in args.sides if side != PEER_BF16 or facts["bf16"]]
    if args.ablation:
        specs = [replace(spec, without=part) for part in (None, *args.parts)]
    elif PEER_BF16 in args.sides and not facts["bf16"]:
        print("no bf16 hardware here: the peer's bf16 is skipped")
    runs: list[list[dict[str, Any]]] = [[] for _ in specs]
    for _ in range(args.repeats):
        for own, one in zip(runs, specs, strict=True):
            own.append(child(one))
    found = [summed_up(one, own, facts) for one, own in zip(specs, runs, strict=True)]
    print(
        "| | run | guide before it | step | CPU of a step | rows/s | tokens/s | relative | beyond the models | total |"
    )
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for one in found:
        print(line(one, found[0]))
    return found


def child(spec: Spec) -> dict[str, Any]:
    """One run, in its own process."""
    command = [sys.executable, str(Path(__file__).with_name("training_sides.py")), json.dumps(asdict(spec))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{spec.side} failed:\n{done.stderr[-3000:]}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def summed_up(spec: Spec, runs: list[dict[str, Any]], facts: dict[str, Any]) -> dict[str, Any]:
    """Medians over runs, and over all steps but each run's first."""
    whole, guide = (statistics.median(run[key] for run in runs) for key in ("whole_s", "guide_s"))
    steps = [one for run in runs for one in run["steps_s"][1:] or run["steps_s"]]
    cpu = [one for run in runs for one in run["steps_cpu_s"][1:] or run["steps_cpu_s"]]
    done = len(runs[0]["steps_s"])
    rows = facts["rows"] * done / facts["steps_per_epoch"]
    return {
        "side": spec.side,
        "without": spec.without,
        "whole_s": whole,
        "guide_s": guide,
        "step_s": statistics.median(steps),
        "step_cpu_s": statistics.median(cpu),
        "steps": done,
        "rows_per_s": rows / whole,
        "tokens_per_s": rows * facts["tokens_per_row"] / whole,
        "beyond_models_bytes": max(run["beyond_models_bytes"] for run in runs),
        "peak_bytes": max(run["peak_bytes"] for run in runs),
        "threads": runs[0]["threads"],
        "runs": runs,
    }


def line(one: dict[str, Any], first: dict[str, Any]) -> str:
    """A row of the table."""
    name = NAMES.get(one["side"], one["side"] + (f" without {one['without']}" if one["without"] else ""))
    figures = [f"{one['whole_s']:.1f} s", f"{one['guide_s']:.1f} s", f"{one['step_s']:.2f} s"]
    figures.append(f"{one['step_cpu_s']:.2f} s")
    figures += [f"{one['rows_per_s']:.2f}", f"{one['tokens_per_s']:,.0f}", f"{one['whole_s'] / first['whole_s']:.2f}"]
    figures += [f"{one[key] / GIB:.2f} GiB" for key in ("beyond_models_bytes", "peak_bytes")]
    return f"| {name} | {' | '.join(figures)} |"


def check(spec: Spec) -> dict[str, list[float]]:
    """Print the losses of the first steps of both sides; exit with an error if they differ."""
    spec = replace(spec, student="student-without-dropout", steps=CHECKED_STEPS, log=True)
    ours, theirs = (child(replace(spec, side=side))["losses"] for side in (OURS, PEER))
    for number, (one, other) in enumerate(zip(ours, theirs, strict=True), start=1):
        print(f"step {number}: {one:.4f} {NAMES[PEER]} {other:.4f}")
    if not ours or any(abs(one - other) > TOLERANCE * abs(other) for one, other in zip(ours, theirs, strict=True)):
        sys.exit("the losses differ")
    return {OURS: ours, PEER: theirs}


def prepare(folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Write rows and encoders in a child process, which no run shares; returns facts about them."""
    rows, texts = synthetic(args) if args.data == "synthetic" else shared_out(Path(args.data), args)
    (folder / "rows.json").write_text(json.dumps(rows), encoding="utf-8")
    (folder / "texts.json").write_text(json.dumps(texts), encoding="utf-8")
    command = [sys.executable, str(Path(__file__).with_name("training_encoders.py")), str(folder)]
    command += [str(args.max_length), str(args.batch), args.device, args.shape, *filter(None, [args.model])]
    said = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True).stdout
    facts: dict[str, Any] = json.loads(said.splitlines()[-1])
    return {"set": Path(args.data).name, **facts}


def shared_out(path: Path, args: argparse.Namespace) -> tuple[dict[str, list[str]], list[str]]:
    """Rows from a part of a BEIR folder's training pairs, and all texts of its corpus."""
    corpus, queries = (texts_of(path / f"{name}.jsonl") for name in ("corpus", "queries"))
    lines = (path / "qrels" / "train.tsv").read_text(encoding="utf-8").splitlines()[1:]
    draw = random.Random(0)
    draw.shuffle(lines)
    pairs: dict[str, str] = {}  # document -> query; each text once
    for query, document, *_ in map(str.split, lines):
        if len(pairs) < args.rows and queries[query] not in pairs.values():
            pairs.setdefault(corpus[document], queries[query])
    others = [text for text in dict.fromkeys(corpus.values()) if text not in pairs]
    pool = [
        *([] if args.check else pairs),
        *draw.sample(others, round(len(others) * len(pairs) / len(lines)) if len(lines) else 0),
    ]
    return columns(list(pairs.values()), list(pairs), pool, args, draw), [*corpus.values(), *queries.values()]


def texts_of(path: Path) -> dict[str, str]:
    """id -> title and text."""
    found = [json.loads(one) for one in path.read_text(encoding="utf-8").splitlines()]
    return {one["_id"]: f"{one.get('title', '')} {one['text']}".strip() for one in found}


def synthetic(args: argparse.Namespace) -> tuple[dict[str, list[str]], list[str]]:
    """Made-up words in texts of heavy-tailed length: 31 words on average, one in fifty over 140."""
    draw = random.Random(0)
    words = ["".join(draw.choices("abcdefghijklmnop", k=5)) for _ in range(5000)]

    def text() -> str:
        return " ".join(draw.choices(words, k=max(1, min(400, round(draw.lognormvariate(2.93, 1.0))))))

    anchors, positives, pool = ([text() for _ in range(args.rows)] for _ in range(3))
    return columns(anchors, positives, [*([] if args.check else positives), *pool], args, draw), words


def columns(
    anchors: list[str], positives: list[str], pool: list[str], args: argparse.Namespace, draw: random.Random
) -> dict[str, list[str]]:
    """Rows, by column, with negatives from the pool other than their own positive; for a check, each text once."""
    negatives = args.negatives
    wanted = negatives + (not args.check)
    order = iter(draw.sample(pool, len(anchors) * wanted) if args.check else ())
    drawn = [list(islice(order, wanted)) if args.check else draw.sample(pool, wanted) for _ in anchors]
    chosen = [
        [one for one in own if one != positive][:negatives] for own, positive in zip(drawn, positives, strict=True)
    ]
    made = {"anchor": anchors, "positive": positives}
    return made | {f"negative_{n + 1}": [own[n] for own in chosen] for n in range(negatives)}


if __name__ == "__main__":
    main()
