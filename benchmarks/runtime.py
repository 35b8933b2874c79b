"""What start-up settings (waiting threads, the allocator) do for a training step, on an idle and on a busy machine.

    python benchmarks/runtime.py --rounds 3 --json runtime.json

A step is forward, backward and AdamW of six transformer layers over 32 texts of varying length. Each setting runs in
its own process, and the settings alternate: first on an idle machine, then with processes that keep every processor
busy. Prints medians. Linux with GNU OpenMP and glibc.
"""

import argparse
import ctypes
import json
import multiprocessing
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from embedtune.runtime import ALLOCATORS, KEPT, M_MMAP_THRESHOLD, M_TRIM_THRESHOLD, MAPPED_FROM, SPINS, WAITING

TRIED: dict[str, tuple[dict[str, str], bool]] = {
    "defaults of torch and glibc": ({}, False),
    "waiting threads sleep at once": ({"OMP_WAIT_POLICY": "PASSIVE"}, False),
    "waiting threads spin 1,000 times, then sleep": ({"GOMP_SPINCOUNT": "1000"}, False),
    "waiting threads spin 30,000 times, then sleep": ({"GOMP_SPINCOUNT": SPINS}, False),
    "freed memory is kept": ({}, True),
    "30,000 times, and freed memory is kept": ({"GOMP_SPINCOUNT": SPINS}, True),
}
"""Name -> environment, and whether the allocator keeps memory."""


def main() -> None:
    """Measure all settings in turns and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--texts", type=int, default=32)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--one", choices=("kept", "given back"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(measured(args.steps, args.texts, keep=args.one == "kept")))
        return
    found: dict[str, dict[str, list[dict[str, float]]]] = {}
    for load in ("idle", "one busy process per processor"):
        with busy(0 if load == "idle" else os.cpu_count() or 1):
            found[load] = {name: [] for name in TRIED}
            for _ in range(args.rounds):
                for name in TRIED:
                    found[load][name].append(asked(name, args))
        print(f"\n{load}\n\n{table(found[load])}", flush=True)
    if args.json:
        report = {"date": date.today().isoformat(), "cpus": os.cpu_count(), "found": found}
        args.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


@contextmanager
def busy(count: int) -> Iterator[None]:
    """Other work on the machine."""
    others = [multiprocessing.Process(target=_turn, daemon=True) for _ in range(count)]
    for other in others:
        other.start()
    try:
        yield
    finally:
        for other in others:
            other.terminate()


def _turn() -> None:
    while True:
        pass


def asked(name: str, args: argparse.Namespace) -> dict[str, float]:
    """One measurement in its own process."""
    variables, keep = TRIED[name]
    bare = {key: value for key, value in os.environ.items() if key not in (*WAITING, *ALLOCATORS)}
    kept = "kept" if keep else "given back"
    command = [sys.executable, __file__, "--one", kept, "--steps", str(args.steps), "--texts", str(args.texts)]
    done = subprocess.run(command, env={**bare, **variables}, stdout=subprocess.PIPE, text=True, check=True)
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def measured(steps: int, texts: int, *, keep: bool) -> dict[str, float]:
    """Medians and means per step, in this process."""
    if keep:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
        assert mallopt(M_MMAP_THRESHOLD, MAPPED_FROM) and mallopt(M_TRIM_THRESHOLD, KEPT)  # noqa: S101
    step = encoder_step(texts)
    for _ in range(3):
        step()
    before, seconds = resource.getrusage(resource.RUSAGE_SELF), []
    for _ in range(steps):
        started = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - started)
    after = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "wall_s": statistics.median(seconds),
        "user_s": (after.ru_utime - before.ru_utime) / steps,
        "system_s": (after.ru_stime - before.ru_stime) / steps,
        "faults": (after.ru_minflt - before.ru_minflt) / steps,
        "peak_bytes": after.ru_maxrss * 1024,
    }


def encoder_step(texts: int):  # type: ignore[no-untyped-def]
    """A step to repeat, with the same texts in every process."""
    import torch  # noqa: PLC0415  (after the settings)

    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(1)
    words = torch.nn.Embedding(30_000, 384)
    layer = torch.nn.TransformerEncoderLayer(384, 12, 1536, dropout=0.0, activation="gelu", batch_first=True)
    layers = torch.nn.TransformerEncoder(layer, 6, enable_nested_tensor=False)
    optimizer = torch.optim.AdamW([*words.parameters(), *layers.parameters()], lr=1e-4, fused=True)
    half = texts // 2

    def step() -> None:
        length = int(torch.randint(64, 129, (), generator=generator))
        tokens = torch.randint(0, 30_000, (texts, length), generator=generator)  # (B, T)
        vectors = torch.nn.functional.normalize(layers(words(tokens)).mean(1), dim=1)  # (B, D)
        scores = vectors[:half] @ vectors[half:].T * 20  # (B / 2, B / 2)
        torch.nn.functional.cross_entropy(scores, torch.arange(half)).backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def table(found: dict[str, list[dict[str, float]]]) -> str:
    """Medians over the rounds, as Markdown."""
    keys = ("wall_s", "user_s", "system_s", "faults", "peak_bytes")
    lines = ["| setting | wall | user | system | page faults | peak |", "| --- | --- | --- | --- | --- | --- |"]
    for name, rounds in found.items():
        wall, user, system, faults, peak = (statistics.median(one[key] for one in rounds) for key in keys)
        seconds = f"{wall:.3f} s | {user:.3f} s | {system:.3f} s"
        lines.append(f"| {name} | {seconds} | {faults:,.0f} | {peak / 2**20:,.0f} MiB |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
