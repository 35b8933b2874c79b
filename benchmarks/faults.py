"""Seeded faults in train, mine, evaluate and encode: kills, signals, damage, a full disk, two processes at once.

    python benchmarks/faults.py --faults 240
    python benchmarks/faults.py --faults 40 --kind "full disk" --job mine --seed 100

The faults are those of tests/faults: after each one the same command runs again and must leave, byte for byte, what an
undisturbed run leaves, with no traceback and no stray file along the way. A full disk needs permission to mount a
tmpfs. Linux only. Training checks its saved model in the same process here.
"""

import argparse
import os
import sys
import tempfile
from collections import Counter
from itertools import islice, product
from pathlib import Path

os.environ |= {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
os.environ |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from faults.harness import FAULTS, JOBS, Bench, Outcome, suffer


def main() -> None:
    """Cause this many faults, cycling through every kind in every command, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", type=int, default=240)
    parser.add_argument("--kind", action="append", choices=list(FAULTS))
    parser.add_argument("--job", action="append", choices=[job.name for job in JOBS])
    parser.add_argument("--seed", type=int, default=0, help="seed of the first fault of each kind")
    args = parser.parse_args()
    jobs = [job for job in JOBS if args.job is None or job.name in args.job]
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        for job in jobs:
            normal = bench.normal[job.name]
            print(f"{job.name}: {normal.seconds:.1f} s undisturbed, {normal.writes} writes", flush=True)
        turns = product(range(args.seed, args.seed + args.faults), args.kind or FAULTS, jobs)
        outcomes = []
        for seed, kind, job in islice(turns, args.faults):
            outcomes.append(suffer(bench, kind, job, seed))
            for complaint in outcomes[-1].complaints:
                print(f"{job.name}, {kind}, seed {seed}, codes {outcomes[-1].codes}: {complaint}\n", flush=True)
    table(outcomes)


def table(outcomes: list[Outcome]) -> None:
    """Counts by kind."""
    heads = ("fault", "times", "refused in words", "told of damage", "with complaints", "codes at the fault")
    print(f"| {' | '.join(heads)} |\n|{' --- |' * len(heads)}")
    for kind in dict.fromkeys(one.kind for one in outcomes):
        own = [one for one in outcomes if one.kind == kind]
        codes = Counter(one.codes[0] for one in own)
        said = ", ".join(f"{code}: {count}" for code, count in sorted(codes.items()))
        refused, told = sum(one.refused for one in own), sum(one.told for one in own)
        print(f"| {kind} | {len(own)} | {refused} | {told} | {sum(bool(one.complaints) for one in own)} | {said} |")
    print(f"{len(outcomes)} faults, {sum(bool(one.complaints) for one in outcomes)} with complaints")


if __name__ == "__main__":
    main()
