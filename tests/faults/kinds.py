"""Seeded faults: kills, signals, damaged files, full disks and streams, two at once, inputs that change meanwhile."""

import contextlib
import dataclasses
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from embedtune.cli.shared.streams import prepare_streams, release_streams
from faults.calls import ERRORS, Point, calls, is_loaded, strike
from faults.harness import WORDS_CODES, Bench, Outcome, dies_at_write, on_write, results
from faults.jobs import Job


def killed_at_a_write(bench: Bench, job: Job, draw: random.Random, outcome: Outcome) -> Outcome:
    with bench.place(job) as place:
        die_at = draw.randint(1, max(1, bench.normal[job.name].writes))
        outcome.codes.append(bench.run(job, place, before=dies_at_write(die_at)).code)
        return bench.finish(job, place, outcome)


def signalled(*signals: int) -> Callable[[Bench, Job, random.Random, Outcome], Outcome]:
    """Send these signals one after another, the first at a random moment."""

    def fault(bench: Bench, job: Job, draw: random.Random, outcome: Outcome) -> Outcome:
        with bench.place(job) as place:
            begun = bench.start(job, place)
            time.sleep(draw.uniform(0, bench.normal[job.name].seconds))
            for number in signals:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(begun[0], number)
                time.sleep(draw.uniform(0, 0.05))
            ended = bench.ended(begun)
            outcome.codes.append(ended.code)
            bench.listen(ended, outcome)
            return bench.finish(job, place, outcome)

    return fault


def damaged_after_a_kill(bench: Bench, job: Job, draw: random.Random, outcome: Outcome) -> Outcome:
    """A file that the killed command left is truncated, changed, zeroed or removed."""
    with bench.place(job) as place:
        there = {path for path in place.rglob("*") if path.is_file()}
        die_at = draw.randint(1, max(1, bench.normal[job.name].writes))
        outcome.codes.append(bench.run(job, place, before=dies_at_write(die_at)).code)
        if results(job, place) == bench.wanted[job.name]:
            return outcome  # it had finished before it died: these are results, not leftovers
        left = sorted(path for path in place.rglob("*") if path.is_file() and path not in there)
        if left:
            damage(draw.choice(left), draw)
        return bench.finish(job, place, outcome, may_refuse=True)


def damaged_store(bench: Bench, job: Job, draw: random.Random, outcome: Outcome) -> Outcome:
    """The vector store of an earlier run is damaged, all other output is removed, and the command runs again."""
    with bench.place(job) as place:
        outcome.codes.append(bench.run(job, place).code)
        for path in place.iterdir():
            if path.name != "store" and not (bench.inputs / path.name).exists():
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        for segment in sorted(place.glob("store/*/*")):
            damage(segment, draw)
        return bench.finish(job, place, outcome, removed=True)


def full_disk(bench: Bench, job: Job, draw: random.Random, outcome: Outcome) -> Outcome:
    """The disk has a small random amount of space left; later it has enough."""
    with bench.place(job, mounted_bytes=64 * 2**20) as place:
        free = shutil.disk_usage(place).free
        room = int(draw.uniform(0, 1) ** 2 * 2_000_000)
        (place / "filler").write_bytes(bytes(max(0, free - room - 4096)))
        ended = bench.run(job, place)
        outcome.codes.append(ended.code)
        bench.listen(ended, outcome)
        if ended.code not in WORDS_CODES:
            outcome.complaints.append(f"ended with {ended.code} and no message")
        (place / "filler").unlink()
        return bench.finish(job, place, outcome)


def two_at_once(bench: Bench, job: Job, draw: random.Random, outcome: Outcome) -> Outcome:
    """The same command, run twice at the same time in one folder."""
    with bench.place(job) as place:
        first = bench.start(job, place)
        time.sleep(draw.choice((0, 0, draw.uniform(0, bench.normal[job.name].seconds))))
        second = bench.start(job, place, number=1)
        for begun in (first, second):
            ended = bench.ended(begun)
            outcome.codes.append(ended.code)
            bench.listen(ended, outcome)
            if ended.code not in WORDS_CODES:
                outcome.complaints.append(f"ended with {ended.code} and no message")
        return bench.finish(job, place, outcome)


def failing_call(bench: Bench, job: Job, draw: random.Random, outcome: Outcome) -> Outcome:
    """A system call on a file fails, or is the last one."""
    every = calls(bench, job)
    number = draw.randint(1, len(every))
    call = every[number - 1]
    struck = strike(bench, job, Point(job.name, number, call, draw.choice((*ERRORS[call], "KILL"))))
    return dataclasses.replace(struck, kind=outcome.kind, seed=outcome.seed)


def limited(bench: Bench, job: Job, draw: random.Random, outcome: Outcome) -> Outcome:
    """A file may only have so many bytes, or only so many files may be open; later there is no limit."""
    import resource  # not on Windows

    open_now = sum(1 for _ in Path("/proc/self/fd").iterdir())
    limit, most = draw.choice(
        (
            (resource.RLIMIT_FSIZE, int(draw.uniform(0, 1) ** 2 * 300_000)),
            (resource.RLIMIT_NOFILE, open_now + draw.randint(0, 8)),
        )
    )
    usual = resource.getrlimit(limit)

    def set_limit(soft: int) -> Callable[[], None]:
        return lambda: resource.setrlimit(limit, (soft, usual[1]))

    with bench.place(job) as place:
        ended = bench.run(job, place, before=set_limit(most), after=set_limit(usual[0]))
        outcome.codes.append(ended.code)
        bench.listen(ended, outcome)
        return bench.finish(job, place, outcome)


def odd_streams(bench: Bench, job: Job, draw: random.Random, outcome: Outcome) -> Outcome:
    """Standard streams are closed or full, or nobody reads them."""
    ways = [draw.choice((None, None, "closed", "full", "unread")) for _ in range(3)]
    kept: list[object] = []  # a stream that is let go closes its handle

    def begin() -> None:
        kept.extend((sys.stdin, sys.stdout, sys.stderr))
        for number, (name, way) in enumerate(zip(("stdin", "stdout", "stderr"), ways, strict=True)):
            if way is None:
                continue
            os.dup2(_handle("full" if way == "unread" and number == 0 else way), number)
            if way == "closed":
                os.close(number)
            setattr(sys, name, None if way == "closed" else os.fdopen(number, "r" if number == 0 else "w"))
        kept.extend((sys.stdin, sys.stdout, sys.stderr))
        prepare_streams()

    with bench.place(job) as place:
        ended = bench.run(job, place, streams=begin, after=release_streams)
        outcome.codes.append(ended.code)
        bench.listen(ended, outcome)
        return bench.finish(job, place, outcome)


def _handle(way: str) -> int:
    """A handle that is full, or a pipe that nobody reads."""
    if way == "unread":
        reading, writing = os.pipe()
        os.close(reading)
        return writing
    return os.open("/dev/full", os.O_RDWR)


def output_over_input(bench: Bench, job: Job, draw: random.Random, outcome: Outcome) -> Outcome:
    """The output is what the command reads, or would become a part of it, by one name or another."""
    with bench.place(job) as place:
        read = draw.choice(job.reads)
        names = {"{read}": read, "{output}": _spelled(place, read, draw)}
        ended = bench.run(dataclasses.replace(job, arguments=tuple(names.get(one, one) for one in job.over)), place)
        outcome.codes.append(ended.code)
        bench.listen(ended, outcome)
        if ended.code not in (1, 2):
            outcome.complaints.append(f"{names} was not refused: {ended.code} {ended.said[-300:]}")
        bench.compare_inputs(place, outcome)
        bench.compare_files(job, place, outcome)
    return outcome


def _spelled(place: Path, name: str, draw: random.Random) -> str:
    """Another way to write a path, or another path to the same file."""
    path, link = place / name, place / f"link{Path(name).suffix}"
    way = draw.randrange(7)
    if way == 5:
        link.symlink_to(path)
        return link.name
    if way == 6 and path.is_file():
        link.hardlink_to(path)
        return link.name
    spelled = (name, f"./{name}", f"set/../{name}", str(path), f"{place.parent}/{place.name}//{name}")
    return spelled[way % len(spelled)]


def changed_meanwhile(bench: Bench, job: Job, draw: random.Random, outcome: Outcome) -> Outcome:
    """The rows of an input get another order while the command runs: the results are those of one order."""
    name = job.reads[0]
    first, *rows = (bench.inputs / name).read_bytes().splitlines(keepends=True)
    turned = bench.folder / "turned"
    turned.write_bytes(b"".join((first, *rows[::-1]) if name.endswith(".tsv") else (*rows[::-1], first)))
    with bench.place(job) as place:
        shutil.copy(turned, place / name)
        other = bench.run(job, place).code, results(job, place)
    with bench.place(job) as place:
        number = draw.randint(1, max(1, bench.normal[job.name].writes))
        ended = bench.run(job, place, before=on_write(number, lambda: turned.replace(place / name)))
        outcome.codes.append(ended.code)
        bench.listen(ended, outcome)
        found = results(job, place)
        if ended.code == 0 and found not in (bench.wanted[job.name], other[1]):
            outcome.complaints.append("the results are those of neither order")
        elif ended.code not in WORDS_CODES:
            outcome.complaints.append(f"ended with {ended.code} and no message")
    return outcome


def damage(path: Path, draw: random.Random) -> None:
    """Truncate a file, flip a bit, zero a piece or remove it."""
    content = bytearray(path.read_bytes())
    way = draw.randrange(4)
    if way == 3 or not content:
        path.unlink()
        return
    place = draw.randrange(len(content))
    if way == 0:
        del content[place:]
    elif way == 1:
        content[place] ^= 1 << draw.randrange(8)
    else:
        content[place : place + 512] = bytes(len(content[place : place + 512]))
    path.write_bytes(content)


FAULTS: dict[str, Callable[[Bench, Job, random.Random, Outcome], Outcome]] = {
    "killed at a write": killed_at_a_write,
    "killed at a moment": signalled(signal.SIGKILL),
    "SIGTERM": signalled(signal.SIGTERM),
    "SIGINT": signalled(signal.SIGINT),
    "SIGINT twice": signalled(signal.SIGINT, signal.SIGINT),
    "damaged after a kill": damaged_after_a_kill,
    "damaged store": damaged_store,
    "full disk": full_disk,
    "two at once": two_at_once,
    "a limit": limited,
    "odd streams": odd_streams,
    "output over an input": output_over_input,
    "input changed meanwhile": changed_meanwhile,
} | ({"failing call": failing_call} if is_loaded() else {})


def suffer(bench: Bench, kind: str, job: Job, seed: int) -> Outcome:
    """One fault, decided by its kind, the job and the seed."""
    draw = random.Random(f"{kind} {job.name} {seed}")
    return FAULTS[kind](bench, job, draw, Outcome(kind, job.name, seed))
