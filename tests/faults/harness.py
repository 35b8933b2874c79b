"""Commands that are killed, interrupted, denied disk space or fed damaged files, and then simply run again.

Everything is imported once; each command runs in a fork. In the end its results must be those of an undisturbed run,
byte for byte, with no traceback on the way and no stray file.
"""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from embedtune.cli.shared.app import build_app
from embedtune.cli.shared.guard import guarded

TOPICS = ("password", "refund", "delivery", "invoice", "비밀번호", "환불", "배송", "영수증")
PATIENCE_S = 300
WORDS_CODES = {0, 1, 2, 4, 130}
"""Exit codes that come with a message; an uncaught signal prints none."""
WRITES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "shutil.rmtree")


@dataclass(frozen=True)
class Job:
    """A command, and what of its results is compared.

    Args:
        arguments: as typed; paths are relative to the folder it runs in.
        results: glob patterns of the files that must be the same in the end.
    """

    name: str
    arguments: tuple[str, ...]
    results: tuple[str, ...]


COMMON = ("--store", "store", "--device", "cpu")
JOBS = (
    Job(
        "train",
        (
            *("train", "--data", "pairs.jsonl", "--model", "model", "--output", "run", "--resume", "auto", *COMMON),
            *("--max-steps", "10", "--batch-size", "8", "training.checkpoint_every=2"),
        ),
        ("run/model/*", "run/per_query.jsonl", "run/*.trec"),
    ),
    Job(
        "mine",
        (
            *("mine", "--data", "pairs.jsonl", "--output", "mined.jsonl", *COMMON),
            *("--range", "0:12", "--sampling", "weighted", "mining.block=6"),
        ),
        ("mined.jsonl", "mined.ledger.jsonl"),
    ),
    Job(
        "evaluate",
        (
            "evaluate",
            "--data",
            "set",
            "--model",
            "model",
            "--model",
            "starter",
            "--model",
            "bm25",
            "--output",
            "out",
            *COMMON,
        ),
        ("out/*.trec", "out/per_query.jsonl"),
    ),
    Job(
        "encode", ("encode", "--data", "set", "--model", "model", "--output", "vectors.npy", *COMMON), ("vectors.npy",)
    ),
)


@dataclass
class Ended:
    """How a command ended."""

    code: int
    said: str
    seconds: float
    writes: int


@dataclass
class Outcome:
    """What one fault led to; complaints are what must never happen."""

    kind: str
    job: str
    seed: int
    codes: list[int] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    refused: bool = False  # with a message, because something that cannot be recomputed was damaged
    told: bool = False  # it reported such damage and what it used instead


def inputs(folder: Path) -> None:
    """Pairs, a judged set and a small encoder, in English and Korean."""
    from embedtune.config.encoder import EncoderSection
    from embedtune.models.files.load import load_encoder
    from embedtune.models.files.save import save_encoder

    def written(path: Path, rows: list[dict]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")

    texts = [f"The answer on {TOPICS[i % 8]} is number {i}." for i in range(60)]
    asked = [f"How about {TOPICS[i % 8]} {i}?" for i in range(60)]
    written(folder / "pairs.jsonl", [{"anchor": asked[i], "positive": texts[i]} for i in range(48)])
    written(folder / "set/corpus.jsonl", [{"_id": f"d{i}", "title": "", "text": text} for i, text in enumerate(texts)])
    written(folder / "set/queries.jsonl", [{"_id": f"q{i}", "text": asked[i]} for i in range(20)])
    (folder / "set/qrels").mkdir()
    judged = "".join(f"q{i}\td{i}\t1\n" for i in range(20))
    (folder / "set/qrels/test.tsv").write_text("query-id\tcorpus-id\tscore\n" + judged)
    save_encoder(load_encoder(EncoderSection(name="starter"), device="cpu", texts=texts + asked), folder / "model")


class Bench:
    """Runs commands in forks, in copies of one folder of inputs.

    Args:
        folder: empty; everything happens inside.
    """

    def __init__(self, folder: Path) -> None:
        from embedtune.workflows.encode import run as encode  # noqa: F401  (once for all forks)
        from embedtune.workflows.evaluate import run as evaluate  # noqa: F401  (once for all forks)
        from embedtune.workflows.mine import run as mine  # noqa: F401  (once for all forks)
        from embedtune.workflows.mine import stages as run  # noqa: F401
        from embedtune.workflows.train import run as train  # noqa: F401  (once for all forks)
        from embedtune.workflows.train import stages as training_run  # noqa: F401

        self.folder = folder
        self.inputs = folder / "inputs"
        self.inputs.mkdir()
        inputs(self.inputs)
        self.normal: dict[str, Ended] = {}
        self.wanted: dict[str, dict[str, bytes]] = {}
        for job in JOBS:
            with self.place() as place:
                self.normal[job.name] = self.run(job, place)
                assert self.normal[job.name].code == 0, self.normal[job.name].said
                self.wanted[job.name] = results(job, place)
                assert self.wanted[job.name], "nothing to compare"

    @contextlib.contextmanager
    def place(self, mounted_bytes: int | None = None) -> Iterator[Path]:
        """A fresh copy of the inputs, on its own small disk where a size is given."""
        place = self.folder / "place"
        place.mkdir()
        if mounted_bytes:
            command = ["mount", "-t", "tmpfs", "-o", f"size={mounted_bytes}", "tmpfs", str(place)]
            subprocess.run(command, check=True, capture_output=True)
        try:
            shutil.copytree(self.inputs, place, dirs_exist_ok=True)
            yield place
        finally:
            if mounted_bytes:
                subprocess.run(["umount", "-l", str(place)], check=True, capture_output=True)
            shutil.rmtree(place)

    def run(self, job: Job, place: Path, **fault: int) -> Ended:
        """Run the command to its end."""
        return self.ended(self.start(job, place, **fault), place)

    def start(self, job: Job, place: Path, *, die_at_write: int = 0, number: int = 0) -> tuple[int, float, int]:
        """Fork a process that runs the command, and kills itself at its n-th write where that is asked."""
        started = time.monotonic()
        pid = os.fork()
        if pid:
            return pid, started, number
        code = 99
        try:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.chdir(place)
            for stream, name in ((1, "out"), (2, "err")):
                handle = os.open(self.folder / f"{name}-{number}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
                os.dup2(handle, stream)
            sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
            writes = count_writes(die_at_write)
            one_thread()
            from embedtune.workflows.train import saved_check

            saved_check._start = lambda: None  # another process costs ten seconds per fault and finds nothing here
            app = build_app()
            try:
                signal.signal(signal.SIGINT, signal.default_int_handler)
                code = guarded(app, job.arguments)
            except KeyboardInterrupt:  # just before or after the guard
                code = 130
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            (self.folder / f"writes-{number}").write_text(str(writes[0]))
            sys.stdout.flush()
            sys.stderr.flush()
        except BaseException as error:
            os.write(2, f"Traceback: {type(error).__name__}: {error}\n".encode())
        finally:
            os._exit(code)
        raise AssertionError

    def ended(self, begun: tuple[int, float, int], place: Path) -> Ended:
        """Wait for a fork to end; one that hangs is killed and gets the code -100."""
        pid, started, number = begun
        hung = threading.Event()
        patience = threading.Timer(PATIENCE_S, lambda: (hung.set(), os.kill(pid, signal.SIGKILL)))
        patience.start()
        _, status = os.waitpid(pid, 0)
        patience.cancel()
        patience.join()  # no thread may be left when the next command is forked
        if hung.is_set():
            return Ended(-100, "hangs", PATIENCE_S, 0)
        said = "".join((self.folder / f"{name}-{number}").read_text(errors="replace") for name in ("out", "err"))
        path = self.folder / f"writes-{number}"
        writes = int(path.read_text()) if path.exists() else 0
        return Ended(os.waitstatus_to_exitcode(status), said, time.monotonic() - started, writes)

    def finish(self, job: Job, place: Path, outcome: Outcome, *, may_refuse: bool = False) -> Outcome:
        """Run the command again unless it has finished, and compare its results."""
        if results(job, place) != self.wanted[job.name] or outcome.codes[-1] != 0:
            ended = self.run(job, place)
            outcome.codes.append(ended.code)
            self.listen(ended, outcome)
            outcome.told = may_refuse and "is damaged" in ended.said
            done_before = "not empty" in ended.said and results(job, place) == self.wanted[job.name]
            if ended.code != 0 and not done_before:
                outcome.refused = may_refuse and ended.code in WORDS_CODES
                if not outcome.refused:
                    outcome.complaints.append(f"lost: run again, it ended with {ended.code}: {ended.said[-400:]}")
                return outcome
        if results(job, place) != self.wanted[job.name] and not outcome.told:
            outcome.complaints.append("wrong result")
        stray = [path.name for path in place.rglob("*") if stray_name(path.name)]
        if stray:
            outcome.complaints.append(f"left over: {stray}")
        return outcome

    def listen(self, ended: Ended, outcome: Outcome) -> None:
        """Record tracebacks, defects and hangs as complaints."""
        if "Traceback" in ended.said or "a bug in embedtune" in ended.said:
            outcome.complaints.append(f"traceback: {ended.said[-600:]}")
        if ended.code == -100:
            outcome.complaints.append("hangs")


def one_thread() -> None:
    """Compute on this thread only: a fork lacks its parent's OpenMP threads, and would wait for them forever."""
    import faiss
    import torch

    torch.set_num_threads(1)
    faiss.omp_set_num_threads(1)


def count_writes(die_at: int) -> list[int]:
    """Count writes from now on, in a list of one number, and kill the process at the n-th where n > 0."""
    count = [0]

    def hook(event: str, arguments: tuple) -> None:
        writing = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if writing or event in WRITES:
            count[0] += 1
            if count[0] == die_at:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    return count


def results(job: Job, place: Path) -> dict[str, bytes]:
    """The files that must be the same in the end, by path."""
    paths = sorted(path for pattern in job.results for path in place.glob(pattern) if path.is_file())
    return {path.relative_to(place).as_posix(): path.read_bytes() for path in paths}


def stray_name(name: str) -> bool:
    hidden = name.startswith(".") and not name.endswith(".embedtune")  # what embedtune knows its own files by
    return hidden or name.endswith((".part", ".partial", ".job"))


def killed_at_a_write(bench: Bench, job: Job, draw: random.Random, outcome: Outcome) -> Outcome:
    with bench.place() as place:
        die_at = draw.randint(1, max(1, bench.normal[job.name].writes))
        outcome.codes.append(bench.run(job, place, die_at_write=die_at).code)
        return bench.finish(job, place, outcome)


def signalled(*signals: int) -> Callable[[Bench, Job, random.Random, Outcome], Outcome]:
    """Send these signals one after another, the first at a random moment."""

    def fault(bench: Bench, job: Job, draw: random.Random, outcome: Outcome) -> Outcome:
        with bench.place() as place:
            begun = bench.start(job, place)
            time.sleep(draw.uniform(0, bench.normal[job.name].seconds))
            for number in signals:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(begun[0], number)
                time.sleep(draw.uniform(0, 0.05))
            ended = bench.ended(begun, place)
            outcome.codes.append(ended.code)
            bench.listen(ended, outcome)
            return bench.finish(job, place, outcome)

    return fault


def damaged_after_a_kill(bench: Bench, job: Job, draw: random.Random, outcome: Outcome) -> Outcome:
    """A file that the killed command left is truncated, changed, zeroed or removed."""
    with bench.place() as place:
        there = {path for path in place.rglob("*") if path.is_file()}
        die_at = draw.randint(1, max(1, bench.normal[job.name].writes))
        outcome.codes.append(bench.run(job, place, die_at_write=die_at).code)
        if results(job, place) == bench.wanted[job.name]:
            return outcome  # it had finished before it died: these are results, not leftovers
        left = sorted(path for path in place.rglob("*") if path.is_file() and path not in there)
        if left:
            damage(draw.choice(left), draw)
        return bench.finish(job, place, outcome, may_refuse=True)


def damaged_store(bench: Bench, job: Job, draw: random.Random, outcome: Outcome) -> Outcome:
    """The vector store of an earlier run is damaged, all other output is removed, and the command runs again."""
    with bench.place() as place:
        outcome.codes.append(bench.run(job, place).code)
        for path in place.iterdir():
            if path.name != "store" and not (bench.inputs / path.name).exists():
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        for segment in sorted(place.glob("store/*/*")):
            damage(segment, draw)
        return bench.finish(job, place, outcome)


def full_disk(bench: Bench, job: Job, draw: random.Random, outcome: Outcome) -> Outcome:
    """The disk has a small random amount of space left; later it has enough."""
    with bench.place(mounted_bytes=64 * 2**20) as place:
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
    with bench.place() as place:
        first = bench.start(job, place)
        time.sleep(draw.choice((0, 0, draw.uniform(0, bench.normal[job.name].seconds))))
        second = bench.start(job, place, number=1)
        for begun in (first, second):
            ended = bench.ended(begun, place)
            outcome.codes.append(ended.code)
            bench.listen(ended, outcome)
            if ended.code not in WORDS_CODES:
                outcome.complaints.append(f"ended with {ended.code} and no message")
        return bench.finish(job, place, outcome)


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
}


def suffer(bench: Bench, kind: str, job: Job, seed: int) -> Outcome:
    """One fault, decided by its kind, the job and the seed."""
    draw = random.Random(f"{kind} {job.name} {seed}")
    return FAULTS[kind](bench, job, draw, Outcome(kind, job.name, seed))
