"""Peak memory of a guided contrastive loss and of mined triplets, forward and backward, beyond the given embeddings.

    python benchmarks/memory.py --batch 512 --batch 4096 --batch 16384

embedtune's losses compared with sentence-transformers' GISTEmbedLoss and CachedGISTEmbedLoss on the same random
embeddings, without an encoder. Measurements run one at a time, each in its own process, and are stopped at the limit of
memory or time. The peak is the highest resident memory above that with the embeddings of student and guide ready, and
includes the gradients of the embeddings. Linux only: the kernel records the peak (VmHWM); sampling could miss it.
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import psutil
import torch
from sentence_transformers.sentence_transformer import losses
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

from embedtune.losses import EmbeddingBatch, build_loss

GIB = 2**30
DIMENSIONS = 384
TEMPERATURE = 0.05
# GISTEmbedLoss takes one negative per row, so embedtune's loss is measured with one as well.
RUNS = (("embedtune gist", 5), ("CachedGISTEmbedLoss", 5), ("embedtune gist", 1), ("GISTEmbedLoss", 1))
TRIPLETS = {f"embedtune triplet {mining}": mining for mining in ("hard", "all")}


def main() -> None:
    """Measure everything, print a table and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, action="append", help="rows in the batch (repeatable)")
    parser.add_argument("--limit-gib", type=float, default=12.0, help="stop a measurement that needs more")
    parser.add_argument("--limit-minutes", type=float, default=15.0, help="stop a measurement that takes longer")
    parser.add_argument("--json", type=Path, default=Path("memory.json"), help="where to write the figures")
    parser.add_argument("--one", nargs=3, metavar=("LOSS", "BATCH", "NEGATIVES"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        measure(args.one[0], int(args.one[1]), int(args.one[2]))
        return
    found = []
    for batch in args.batch or (512, 4096, 16384):
        for loss, negatives in (*RUNS, *((name, 5) for name in TRIPLETS)):
            found.append(run(loss, batch, negatives, args.limit_gib * GIB, args.limit_minutes * 60))
            print(line(found[-1]), flush=True)
            args.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    for one in disagreements(found):
        print(one)
    sys.exit(1 if disagreements(found) else 0)


def run(loss: str, batch: int, negatives: int, limit_bytes: float, limit_s: float) -> dict:
    """One measurement in its own process: its peak, or why it was stopped."""
    result: dict = {"loss": loss, "batch": batch, "negatives": negatives}
    command = [sys.executable, __file__, "--one", loss, str(batch), str(negatives)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    before = json.loads(child.stdout.readline())["resident_bytes"]  # type: ignore[union-attr]
    started, watched, most = time.monotonic(), psutil.Process(child.pid), 0
    while child.poll() is None:
        try:
            most = max(most, watched.memory_info().rss - before)
        except psutil.NoSuchProcess:
            break
        if most > limit_bytes or time.monotonic() - started > limit_s:
            child.kill()
            child.wait()
            return result | {"stopped": "memory" if most > limit_bytes else "time", "peak_bytes": most}
        time.sleep(0.01)
    said = child.stdout.read().strip()  # type: ignore[union-attr]
    if child.returncode not in (0, -signal.SIGKILL):
        sys.exit(f"{loss} with {batch} rows failed; see above")
    # Killed from outside: the machine ran out of memory before the limit was seen.
    return result | (json.loads(said) if child.returncode == 0 else {"stopped": "memory", "peak_bytes": most})


def measure(loss: str, batch: int, negatives: int) -> None:
    """In the child: make embeddings, run the loss once, print the peak, the value and the norm of the gradient."""
    draw = torch.Generator().manual_seed(0)
    sides = []
    for _ in ("student", "guide"):
        # A guide unlike the student, and positives so near that it drops few candidates and many rows contribute.
        anchors = torch.randn(batch, DIMENSIONS, generator=draw)
        positives = torch.randn(batch, DIMENSIONS, generator=draw).mul_(3).add_(anchors)
        sides.append([anchors, positives, torch.randn(batch, negatives, DIMENSIONS, generator=draw)])
    student, guide = sides
    steps = {"embedtune gist": ours, "GISTEmbedLoss": theirs, "CachedGISTEmbedLoss": theirs_cached}
    steps |= {name: partial(ours, mining=mining) for name, mining in TRIPLETS.items()}
    step = steps[loss](student, guide)
    # 5 resets the kernel's peak to the current resident size.
    Path("/proc/self/clear_refs").write_text("5")
    before = psutil.Process().memory_info().rss
    print(json.dumps({"resident_bytes": before}), flush=True)
    started = time.process_time()
    try:
        value, gradient = step()
    except RuntimeError as error:
        refused = re.search(r"tried to allocate (\d+) bytes", str(error))
        if refused is None:
            raise
        print(json.dumps({"stopped": "memory", "peak_bytes": int(refused[1])}))
        return
    cpu_s = time.process_time() - started
    status = Path("/proc/self/status").read_text()
    peak = int(status.split("VmHWM:")[1].split()[0]) * 1024
    print(json.dumps({"peak_bytes": peak - before, "cpu_s": cpu_s, "value": value, "gradient": gradient}))


def ours(student: list, guide: list, mining: str | None = None):
    """Our gist, or our triplet with some mining."""
    loss = build_loss("gist", temperature=TEMPERATURE) if mining is None else build_loss("triplet", mining=mining)
    names = ("anchors", "positives", "negatives")
    leaves = [vectors.requires_grad_() for vectors in student]
    against = EmbeddingBatch(**dict(zip(names, guide, strict=True)))
    batch = EmbeddingBatch(**dict(zip(names, leaves, strict=True)), guide=against)

    def step() -> tuple[float, float]:
        value = loss(batch)
        value.backward()
        return value.item(), leaves[0].grad.norm().item()

    return step


def theirs(student: list, guide: list):
    """sentence-transformers' GISTEmbedLoss around a model that returns its input."""
    loss = losses.GISTEmbedLoss(Given("student"), Given("guide"), temperature=TEMPERATURE)
    columns, of_guide = _columns(student), _columns(guide)
    leaves = [column.requires_grad_() for column in columns]
    features = [{"student": one, "guide": other} for one, other in zip(leaves, of_guide, strict=True)]

    def step() -> tuple[float, float]:
        value = loss(features, None)
        value.backward()
        return value.item(), leaves[0].grad.norm().item()

    return step


def theirs_cached(student: list, guide: list):
    """The part of CachedGISTEmbedLoss that follows the encoder, with its default mini-batches of 32 rows."""
    loss = losses.CachedGISTEmbedLoss(Given("student"), Given("guide"), temperature=TEMPERATURE)
    leaves = [[part.detach().requires_grad_() for part in one.split(loss.mini_batch_size)] for one in _columns(student)]
    of_guide = [list(one.split(loss.mini_batch_size)) for one in _columns(guide)]

    def step() -> tuple[float, float]:
        value, cache = loss.calculate_loss_and_cache_gradients(leaves, of_guide)
        return value.item(), sum(part.square().sum().item() for part in cache[0]) ** 0.5

    return step


def _columns(side: list) -> list:
    anchors, positives, negatives = side
    return [anchors, positives, *negatives.unbind(1)]


class Given(torch.nn.Module):
    """A model whose embeddings are given; sentence-transformers also reads its tokenizer and length."""

    max_seq_length = 1
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.WordLevel({"a": 0}, unk_token="a")))

    def __init__(self, side: str) -> None:
        super().__init__()
        self.side = side

    def __getitem__(self, index: int) -> torch.nn.Module:
        return self

    def forward(self, features: dict) -> dict:
        """Return the embeddings in the features."""
        return {"sentence_embedding": features[self.side]}


def disagreements(found: list[dict]) -> list[str]:
    """Messages about losses of the same batch whose value or gradient differ."""
    first: dict[tuple, dict] = {}
    said = []
    for one in found:
        if "value" not in one or one["loss"] in TRIPLETS:
            continue
        other = first.setdefault((one["batch"], one["negatives"]), one)
        for key in ("value", "gradient"):
            if abs(one[key] - other[key]) > 1e-4 * abs(other[key]):
                said.append(f"{key} at {one['batch']}: {one[key]} of {one['loss']}, {other[key]} of {other['loss']}")
    return said


def line(one: dict) -> str:
    """A row of the table."""
    peak = f"{one['peak_bytes'] / GIB:.2f} GiB"
    if "stopped" in one:
        peak = f"needs more than {peak}" if one["stopped"] == "memory" else f"{peak} when stopped for time"
    took = f"{one['cpu_s']:.1f} s" if "cpu_s" in one else ""
    value = f"{one['value']:.5f}" if "value" in one else ""
    return f"| {one['batch']:,} | {one['negatives']} | {one['loss']} | {peak} | {took} | {value} |"


if __name__ == "__main__":
    # One thread: the peak is then the same on every machine, and CPU time can be compared.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
