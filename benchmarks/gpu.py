"""What can only be shown on a GPU, in one run of under 8 minutes without a network; prints JSON.

    python benchmarks/gpu.py --json gpu.json
    python benchmarks/gpu.py --device cpu --small

Losses: value and gradients of every loss, on the device and on the CPU. Packing: vectors of texts batched without
padding and with, and tokens per second. Waits: how often a training step makes the CPU wait for the device. Training:
GIST with a frozen guide, embedtune and sentence-transformers with its best settings, in MiniLM's and bge-base's shape
(`training.py`). Search: queries per second. Each part is a process of its own, so one that fails does not take the
others along; `--small` is for a machine without a GPU, to see that every part runs.
"""

# ruff: noqa: PLC0415  (each part imports only what it measures)

import argparse
import json
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
LIMIT_S = 150
"""Seconds of a part."""


def main() -> None:
    """Run every part, or the one that is named, which is how each gets a process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--small", action="store_true", help="sizes for a CPU")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--part", choices=PARTS)
    args = parser.parse_args()
    if args.part:
        print(json.dumps(PARTS[args.part](args.device, args.small)))
        return
    report: dict[str, Any] = {"device": args.device, "small": args.small}
    for part in PARTS:
        started = time.perf_counter()
        report[part] = in_a_process(part, args) | {"took_s": round(time.perf_counter() - started, 1)}
        print(f"{part}: {json.dumps(report[part])}", flush=True)
    if args.json:
        args.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def in_a_process(part: str, args: argparse.Namespace) -> dict[str, Any]:
    """What a part found, or why it found nothing."""
    command = [sys.executable, __file__, "--part", part, "--device", args.device, *(["--small"] if args.small else [])]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        return {"failed": f"took more than {LIMIT_S} s"}
    if done.returncode:
        return {"failed": done.stderr[-1500:]}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def losses(device: str, small: bool) -> dict[str, Any]:
    """The largest relative difference of each loss and of its gradients from the CPU's, in float32."""
    import torch

    from embedtune.losses import EmbeddingBatch, build_loss, loss_names

    rows, size = (16, 32) if small else (256, 384)

    def batch(where: str) -> EmbeddingBatch:
        draw = torch.Generator().manual_seed(0)

        def some(*shape: int) -> Any:
            return torch.randn(*shape, generator=draw).to(where)

        def vectors() -> EmbeddingBatch:
            return EmbeddingBatch(anchors=some(rows, size), positives=some(rows, size), negatives=some(rows, 2, size))

        ids = torch.arange(1, 4 * rows + 1)
        return EmbeddingBatch(
            anchors=some(rows, size).requires_grad_(),
            positives=some(rows, size).requires_grad_(),
            negatives=some(rows, 2, size).requires_grad_(),
            negatives_mask=torch.ones(rows, 2, dtype=torch.bool).to(where),
            anchor_ids=ids[:rows].to(where),
            positive_ids=ids[rows : 2 * rows].to(where),
            negative_ids=ids[2 * rows :].view(rows, 2).to(where),
            labels=(ids[:rows] % 7).to(where),
            teacher_scores=some(rows, 3),
            guide=vectors(),
            teacher=vectors(),
            reference=vectors(),
            clusters=(ids[:rows] % 7).to(where),
            centroids=some(7, size),
        )

    found: dict[str, Any] = {}
    for name in loss_names():
        values = {}
        try:
            for where in ("cpu", device):
                torch.manual_seed(0)
                loss, own = build_loss(name), batch(where)
                loss.prepare(size)
                value = loss.to(where)(own)
                value.backward()
                grads = [one.grad.cpu() for one in (own.anchors, own.positives, own.negatives) if one.grad is not None]
                values[where] = [value.detach().cpu(), *grads]
        except Exception as error:
            found[name] = f"{type(error).__name__}: {str(error)[:200]}"
            continue
        pairs = zip(values["cpu"], values[device], strict=True)
        found[name] = max(float((one - other).abs().max() / one.abs().max().clamp(min=1e-9)) for one, other in pairs)
    return found


def texts(count: int) -> list[str]:
    """Made-up texts of heavy-tailed length."""
    import random

    draw = random.Random(0)
    words = ["".join(draw.choices("abcdefghijklmnop", k=5)) for _ in range(5000)]
    return [" ".join(draw.choices(words, k=max(1, min(250, round(draw.lognormvariate(3, 0.9)))))) for _ in range(count)]


def made(folder: str, small: bool) -> str:
    """An encoder of MiniLM's shape with random weights."""
    from encoders import make_bert

    own = {"layers": 2, "hidden": 48} if small else {}
    return str(make_bert(Path(folder) / "encoder", texts(2000), dropout=0.0, **own))


def packing(device: str, small: bool) -> dict[str, Any]:
    """Tokens per second of encoding without padding, and how far its vectors are from sentence-transformers'."""
    import numpy as np
    import torch
    from sentence_transformers import SentenceTransformer

    from embedtune.config.sections.encoder import EncoderSection
    from embedtune.models.encode.encode import encode
    from embedtune.models.encode.lengths import token_counts
    from embedtune.models.encode.tokenizer import Tokenizer
    from embedtune.models.files.load import load_encoder

    some = texts(200 if small else 20_000)
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        name = made(folder, small)
        for precision in ("fp32", "bf16"):
            encoder = load_encoder(EncoderSection(name=name), device=device, precision=precision)
            encode(encoder, some[:100], role="query")
            started = time.perf_counter()
            vectors = encode(encoder, some, role="query")
            seconds = time.perf_counter() - started
            tokens = int(np.minimum(token_counts(encoder, some, "query"), 256).sum())
            found[precision] = {"way": Tokenizer(encoder).way, "tokens_per_s": round(tokens / seconds)}
            found[precision]["texts_per_s"] = round(len(some) / seconds)
            if precision == "fp32":
                padded = SentenceTransformer(name, device=device).encode(some[:200], normalize_embeddings=True)
                found["farthest_from_padded"] = float(np.abs(vectors[:200] - padded).max())
    if device.startswith("cuda"):
        found["peak_bytes"] = torch.cuda.max_memory_allocated()
        found["device_name"] = torch.cuda.get_device_name()
    return found


def waits(device: str, small: bool) -> dict[str, Any]:
    """How often torch says that a step waits for the device, by the line of code; None on a CPU."""
    import torch

    import embedtune
    from embedtune.training.run.watch import StepCount

    if not device.startswith("cuda"):
        return {"per_step": None}
    counts: dict[str, int] = {}
    before, steps = StepCount.on_step_begin, 12
    warnings.showwarning = lambda message, kind, file, line, *_: counts.update(
        {f"{file}:{line}": counts.get(f"{file}:{line}", 0) + 1}
    )

    def begin(self: Any, args: Any, state: Any, control: Any, **parts: Any) -> None:
        before(self, args, state, control, **parts)
        if state.global_step == 2:
            warnings.simplefilter("always")
            torch.cuda.set_sync_debug_mode("warn")

    StepCount.on_step_begin = begin  # type: ignore[method-assign]
    with tempfile.TemporaryDirectory() as folder:
        rows = texts(1600)
        lines = [json.dumps({"anchor": a, "positive": b}) for a, b in zip(rows[::2], rows[1::2], strict=True)]
        (Path(folder) / "pairs.jsonl").write_text("\n".join(lines), encoding="utf-8")
        how: dict[str, Any] = {"data": f"{folder}/pairs.jsonl", "output": f"{folder}/run", "device": device}
        model = made(folder, small)
        embedtune.train("training.dev_queries=20", model=model, store="none", max_steps=steps, margin="0.1", **how)
    return {
        "per_step": sum(counts.values()) / (steps - 2),
        "lines": dict(sorted(counts.items(), key=lambda one: -one[1])),
    }


def training(device: str, small: bool, shape: str = "minilm") -> dict[str, Any]:
    """`training.py` on made-up texts."""
    sides = ["embedtune"] if small else ["embedtune", "peer bf16", "peer best"]
    rows, batch = ("64", "16") if small else ("4096", "256")
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(HERE / "training.py"), "--device", device, "--shape", shape, "--rows", rows]
        command += ["--batch", batch, "--epochs", "1", "--json", f"{folder}/found.json", "--sides", *sides]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(done.stderr[-1500:])
        runs = json.loads(Path(folder, "found.json").read_text(encoding="utf-8"))["runs"]
    kept = ("whole_s", "guide_s", "step_s", "rows_per_s", "tokens_per_s", "beyond_models_bytes", "peak_bytes")
    return {one["side"]: {name: one[name] for name in kept} for one in runs}


def training_base(device: str, small: bool) -> dict[str, Any]:
    """The same in bge-base's shape."""
    return {"left out": "too large for a CPU"} if small else training(device, small, "base")


def search(device: str, small: bool) -> dict[str, Any]:
    """Queries per second of exact search, and whether it finds what the CPU finds."""
    import numpy as np

    from embedtune.search.dense import top_k

    draw = np.random.default_rng(0)
    count = 5000 if small else 1_000_000
    documents = draw.standard_normal((count, 384), dtype=np.float32)
    queries = draw.standard_normal((100 if small else 4096, 384), dtype=np.float32)
    where = device if device.startswith("cuda") else "cpu"
    top_k(queries[:64], documents[:1000], 10, device=where)
    started = time.perf_counter()
    scores, found = top_k(queries, documents, 100, memory_bytes=4 * 2**30, device=where)
    seconds = time.perf_counter() - started
    expected = top_k(queries[:64], documents, 100)
    same = bool((found[:64] == expected[1]).all())
    distance = float(np.abs(scores[:64] - expected[0]).max())
    return {"documents": count, "queries_per_s": len(queries) / seconds, "same_as_cpu": same, "farthest": distance}


PARTS: dict[str, Callable[[str, bool], dict[str, Any]]] = {
    "losses": losses,
    "packing": packing,
    "waits": waits,
    "training": training,
    "training_base": training_base,
    "search": search,
}

if __name__ == "__main__":
    main()
