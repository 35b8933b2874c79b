"""Hostile files for every reader and the recipe loader: how many were tried and refused, the slowest, and what broke.

    python benchmarks/fuzz.py --inputs 100000
    python benchmarks/fuzz.py --inputs 2000 --only recipe --seed 7

The cases are those of tests/fuzz, drawn by Hypothesis in rounds, each with its own seed. A reader must read a case or
refuse it with an embedtune error; anything else counts as broken, once per place in the code, and its case is printed
so that it can be added to tests/fuzz/test_kept.py. A case that takes over a second of CPU time counts as a hang.
"""

import argparse
import itertools
import logging
import os
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
os.environ["HF_HUB_OFFLINE"] = "1"

from fuzz.inputs import Case, cases
from fuzz.readers import READERS, Reader
from hypothesis import HealthCheck, Phase, given, seed, settings

ROUND = 1000
HANG_S = 1.0


class Tally:
    """What happened to the cases of one reader."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.tried = self.refused = 0
        self.slowest_s = 0.0
        self.hangs: list[Case] = []
        self.broken: dict[str, Case] = {}
        self.times: Counter[str] = Counter()

    def add(self, reader: Reader, case: Case, folder: Path) -> None:
        """Try one case."""
        folder.mkdir()
        started = time.process_time()
        try:
            self.refused += not reader.try_on(case, folder)
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)
            ours = next((one for one in reversed(place) if "/embedtune/" in one.filename), place[-1])
            where = f"{type(error).__name__} at {Path(ours.filename).name}:{ours.lineno}: {str(error)[:120]!r}"
            self.times[where.split(": ")[0]] += 1
            if self.times[where.split(": ")[0]] == 1:
                self.broken[where] = case
        elapsed = time.process_time() - started
        self.tried += 1
        self.slowest_s = max(self.slowest_s, elapsed)
        if elapsed > HANG_S:
            self.hangs.append(case)
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    """Try this many inputs, cycling through the readers, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--only", action="append", choices=list(READERS), help="a reader (repeatable)")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    logging.disable(logging.WARNING)  # the store warns about every damaged block
    names = args.only or list(READERS)
    # In memory if possible: a hundred thousand small files would test the disk instead.
    fast = "/dev/shm" if Path("/dev/shm").is_dir() else None
    tallies = {name: Tally(name) for name in names}
    with tempfile.TemporaryDirectory(dir=fast) as scratch:
        bases = {}
        for name in names:
            (Path(scratch) / name).mkdir()
            bases[name] = READERS[name].make(Path(scratch) / name)
        share = -(-args.inputs // len(names))
        for name, number in itertools.product(names, range(-(-share // ROUND))):
            count = min(ROUND, share - number * ROUND)
            one_round(tallies[name], bases[name], count, args.seed + 1000 * number, Path(scratch) / "case")
    print("| reader | inputs | refused | broken | hangs | slowest |\n| --- | --- | --- | --- | --- | --- |")
    for one in tallies.values():
        counts = f"{one.tried:,} | {one.refused:,} | {sum(one.times.values()):,} | {len(one.hangs)}"
        print(f"| {one.name} | {counts} | {one.slowest_s:.2f} s |")
    print(f"{sum(one.tried for one in tallies.values()):,} inputs")
    for one in tallies.values():
        for where, case in one.broken.items():
            print(f"\n{one.name}: {where} ({one.times[where.split(': ')[0]]} times)\n{case!r}"[:3000])
        for case in one.hangs[:3]:
            print(f"\n{one.name}: over {HANG_S} s\n{case!r}"[:3000])


def one_round(tally: Tally, bases: tuple, count: int, number: int, folder: Path) -> None:
    """Try this many cases from one seed."""

    @seed(number)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(cases(bases))
    def each(case: Case) -> None:
        tally.add(READERS[tally.name], case, folder)

    each()


if __name__ == "__main__":
    main()
