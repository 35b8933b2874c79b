"""Hostile files for every reader and the recipe loader: how many were tried and refused, the slowest, and what broke.

    python benchmarks/fuzz.py --count 100000
    python benchmarks/fuzz.py --count 1000000 --state fuzz.json      # again to resume, until all are tried
    python benchmarks/fuzz.py --from 500000 --count 1000 --only recipe --seed 7

Each case has a number, from which it is drawn again: readers take turns, so any range of numbers is a part of the
whole, and parts can run one after another or side by side (with a state file each; `--merge a.json b.json` adds them
up). A reader must read a case or refuse it with an embedtune error; anything else counts as broken, once per place in
the code, and its case is printed so that it can be added to tests/fuzz/test_kept.py. A case that takes over a second
of CPU time counts as a hang; the slowest of each reader is named by its number.
"""

import argparse
import json
import logging
import os
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
os.environ["HF_HUB_OFFLINE"] = "1"

from fuzz.drawn import drawn
from fuzz.readers import READERS

HANG_S = 1.0
SAVED_EVERY = 5000  # cases


@dataclass
class Tally:
    """What happened to the cases of one reader; `broken` is place -> how often, and the first case."""

    tried: int = 0
    refused: int = 0
    hangs: int = 0
    cpu_s: float = 0.0
    slowest_s: float = 0.0
    slowest: int = -1
    broken: dict[str, tuple[int, int]] = field(default_factory=dict)

    def add(self, other: "Tally") -> None:
        """Count what another part found."""
        if other.slowest_s > self.slowest_s:
            self.slowest_s, self.slowest = other.slowest_s, other.slowest
        for name in ("tried", "refused", "hangs", "cpu_s"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for place, (times, first) in other.broken.items():
            self._broke(place, first, times)

    def try_case(self, reader: Any, bases: Sequence[Any], folder: Path, number: int, seed: str) -> None:
        """Draw a case and read it."""
        case = drawn(bases, seed)
        folder.mkdir()
        started = time.process_time()
        try:
            self.refused += not reader.try_on(case, folder)
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)
            ours = next((one for one in reversed(place) if "/embedtune/" in one.filename), place[-1])
            where = f"{type(error).__name__} at {Path(ours.filename).name}:{ours.lineno}"
            if where not in self.broken:
                print(f"\ncase {number}: {where}: {str(error)[:120]!r}\n{case!r}"[:3000], flush=True)
            self._broke(where, number)
        elapsed = time.process_time() - started
        shutil.rmtree(folder, ignore_errors=True)
        self.tried, self.cpu_s, self.hangs = self.tried + 1, self.cpu_s + elapsed, self.hangs + (elapsed > HANG_S)
        if elapsed > self.slowest_s:
            self.slowest_s, self.slowest = elapsed, number

    def _broke(self, place: str, first: int, times: int = 1) -> None:
        before, earliest = self.broken.get(place, (0, first))
        self.broken[place] = (before + times, min(earliest, first))


def main() -> None:
    """Try the cases of a range of numbers, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", type=int, default=0, dest="first", metavar="N", help="the number of the first case")
    parser.add_argument("--count", type=int, default=100_000, help="how many cases")
    parser.add_argument("--only", action="append", help="a reader (repeatable)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--state", type=Path, help="a file that keeps what is done; the same command resumes")
    parser.add_argument("--merge", type=Path, nargs="+", help="add up state files, and try nothing")
    args = parser.parse_args()
    if args.merge:
        tallies: dict[str, Tally] = {}
        for path in args.merge:
            for name, one in _read(path)[1].items():
                tallies.setdefault(name, Tally()).add(one)
    else:
        tallies = _try(args)
    _print(tallies)


def _try(args: argparse.Namespace) -> dict[str, Tally]:
    logging.disable(logging.WARNING)  # the store warns about every damaged block
    names = args.only or list(READERS)
    asked = {"seed": args.seed, "from": args.first, "count": args.count, "only": names}
    done, tallies = 0, {name: Tally() for name in names}
    if args.state and args.state.exists():
        kept, tallies = _read(args.state)
        done = kept.pop("done")
        if kept != asked:
            sys.exit(f"{args.state} belongs to {kept}")
    # In memory if possible: a hundred thousand small files would test the disk instead.
    fast = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(dir=fast) as scratch:
        bases = {}
        for name in names:
            (Path(scratch) / name).mkdir()
            bases[name] = READERS[name].make(Path(scratch) / name)
        for number in range(args.first + done, args.first + args.count):
            name = names[number % len(names)]
            seed = f"{args.seed}/{name}/{number}"
            tallies[name].try_case(READERS[name], bases[name], Path(scratch) / "case", number, seed)
            done += 1
            if args.state and (done % SAVED_EVERY == 0 or done == args.count):
                found = {name: asdict(one) for name, one in tallies.items()}
                unfinished = args.state.with_suffix(".unfinished")
                unfinished.write_text(json.dumps({**asked, "done": done, "tallies": found}))
                unfinished.replace(args.state)
    return tallies


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Tally]]:
    kept = json.loads(path.read_text())
    found = kept.pop("tallies")
    for one in found.values():
        one["broken"] = {place: tuple(both) for place, both in one["broken"].items()}
    return kept, {name: Tally(**one) for name, one in found.items()}


def _print(tallies: dict[str, Tally]) -> None:
    print("| reader | inputs | refused | broken | hangs | inputs per s of CPU | slowest (its number) |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    whole = Tally()
    for name, one in tallies.items():
        whole.add(one)
        print(_row(name, one))
    print(_row("all", whole))
    for place, (times, first) in whole.broken.items():
        print(f"{place}: {times} times, first in case {first}")


def _row(name: str, one: Tally) -> str:
    broken, rate = sum(times for times, _ in one.broken.values()), one.tried / max(one.cpu_s, 1e-9)
    counts = f"{one.tried:,} | {one.refused:,} | {broken:,} | {one.hangs:,} | {rate:,.0f}"
    return f"| {name} | {counts} | {one.slowest_s:.2f} s ({one.slowest:,}) |"


if __name__ == "__main__":
    main()
