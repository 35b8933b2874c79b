"""Faults in every verb that writes: kills, signals, damage, full disks, failing system calls, two processes at once.

    python benchmarks/faults.py --faults 240
    python benchmarks/faults.py --faults 40 --kind "full disk" --job mine --seed 100
    python benchmarks/faults.py --every calls.jsonl
    python benchmarks/faults.py --every calls.jsonl --job check --job encode --turn 1

The faults are those of tests/faults: after each one the same command runs again and must leave, byte for byte, what an
undisturbed run leaves, with no traceback, no input touched and no stray file along the way. `--every` makes every
system call on files fail, one after another, and adds a line per call to a file; it continues where it was stopped. It
needs a C compiler. A full disk needs permission to mount a tmpfs. Linux only. Training checks its saved model in the
same process here.
"""

import argparse
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from itertools import islice, product
from pathlib import Path

os.environ |= {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
os.environ |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from faults.calls import is_loaded, library, points, strike
from faults.harness import Bench, Outcome
from faults.jobs import JOBS, RESUMED, Job
from faults.kinds import FAULTS, suffer

MEMORY = Path("/dev/shm")
"""A disk whose fsync costs nothing, where there is one."""


def main() -> None:
    """Cause the faults asked for, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", type=int, default=240)
    parser.add_argument("--kind", action="append", choices=list(FAULTS))
    parser.add_argument("--job", action="append", choices=[job.name for job in (*JOBS, *RESUMED)])
    parser.add_argument("--seed", type=int, default=0, help="seed of the first fault of each kind")
    parser.add_argument("--every", metavar="FILE.jsonl", type=Path, help="every system call, not a sample")
    parser.add_argument("--part", default="1/1", help="2/5: every fifth call, from the second on")
    parser.add_argument("--turn", type=int, default=0, help="which of its errors each call meets; 0 kills as well")
    args = parser.parse_args()
    if not is_loaded():
        start_again_with_library(needed=args.every is not None)
    usual = JOBS if args.every is None else (*JOBS, *RESUMED)
    jobs = [job for job in (*JOBS, *RESUMED) if (job.name in args.job if args.job else job in usual)]
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        bench = Bench(Path(folder), jobs)
        for job in jobs:
            normal = bench.normal[job.name]
            print(f"{job.name}: {normal.seconds:.1f} s undisturbed, {normal.writes} writes", flush=True)
        if args.every is not None:
            number, parts = map(int, args.part.split("/"))
            every_call(bench, jobs, args.every, args.turn, slice(number - 1, None, parts))
            call_table(args.every)
            return
        turns = product(range(args.seed, args.seed + args.faults), args.kind or FAULTS, jobs)
        outcomes = []
        for seed, kind, job in islice(turns, args.faults):
            outcomes.append(suffer(bench, kind, job, seed))
            complain(outcomes[-1])
    table(outcomes)


def start_again_with_library(*, needed: bool) -> None:
    """Start this program again with the library of faults, which has to be there before everything else."""
    made = library(Path(tempfile.mkdtemp()))
    if made is not None:
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "LD_PRELOAD": str(made)})
    if needed:
        sys.exit("this machine has no C compiler, which the library of faults needs")


def every_call(bench: Bench, jobs: Sequence[Job], log: Path, turn: int, part: slice) -> None:
    """Strike at every call that the log does not hold yet."""
    done = {tuple(line["point"]) for line in read(log)}
    with log.open("a", encoding="utf-8") as file:
        for job in jobs:
            for point in list(points(bench, job, turn))[part]:
                key = (job.name, point.number, point.call, point.error)
                if key in done:
                    continue
                outcome = strike(bench, job, point)
                complain(outcome)
                file.write(json.dumps({"point": key, **asdict(outcome)}, ensure_ascii=False) + "\n")
                file.flush()


def read(log: Path) -> list[dict]:
    """The lines of a log; none if it does not exist yet."""
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] if log.exists() else []


def complain(outcome: Outcome) -> None:
    """Print what must not have happened."""
    for complaint in outcome.complaints:
        print(f"{outcome.job}, {outcome.kind}, {outcome.seed}, codes {outcome.codes}: {complaint}\n", flush=True)


def call_table(log: Path) -> None:
    """Counts by job, call and error."""
    lines = read(log)

    def by(*parts: int) -> Callable[[dict], str]:
        return lambda line: " ".join(line["point"][part].rstrip("+") for part in parts)

    for head, key in (("command", by(0)), ("call and error", by(2, 3))):
        print(f"\n| {head} | points | with complaints | codes at the fault |\n| --- | --- | --- | --- |")
        for name in sorted({key(line) for line in lines}):
            own = [line for line in lines if key(line) == name]
            codes = Counter(line["codes"][0] for line in own)
            said = ", ".join(f"{code}: {count}" for code, count in sorted(codes.items()))
            print(f"| {name} | {len(own)} | {sum(bool(line['complaints']) for line in own)} | {said} |")
    print(f"\n{len(lines)} points, {sum(bool(line['complaints']) for line in lines)} with complaints")


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
