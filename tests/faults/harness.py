"""Runs commands in forks that something is done to, and then simply runs them again.

Everything is imported once; each command runs in a fork. In the end its results must be those of an undisturbed run,
byte for byte, with no traceback on the way, no input touched and no stray file.
"""

import contextlib
import gc
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from embedtune.cli.shared.app import build_app
from embedtune.cli.shared.guard import READER_GONE, guarded
from embedtune.errors import OutputError
from faults.jobs import JOBS, SCORED, Job, write_inputs

PATIENCE_S = 300
WORDS_CODES = {0, 1, 2, 4, 130}
"""Exit codes that come with a message; an uncaught signal prints none."""
WRITES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "shutil.rmtree")
DEFECTS = ("Traceback", "a bug in embedtune", "Exception ignored")
"""What must never be said."""


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
    said: str = ""  # when the fault struck


class Bench:
    """Runs commands in forks, in copies of one folder of inputs.

    Args:
        folder: empty; everything happens inside.
        jobs: what may be run.
    """

    def __init__(self, folder: Path, jobs: Sequence[Job] = JOBS) -> None:
        import_everything()
        self.app = build_app()
        gc.collect()
        gc.freeze()  # else the first collection in each fork touches, and so copies, all of this memory
        self.folder = folder
        self.inputs = folder / "inputs"
        self.inputs.mkdir()
        write_inputs(self.inputs)
        self.normal: dict[str, Ended] = {}
        self.wanted: dict[str, dict[str, bytes]] = {}
        self.starts: dict[str, Path] = {}
        self._must(Job("inputs", SCORED, ("scored/*",)), self.inputs)
        for job in jobs:
            self._prepare(job)

    def _prepare(self, job: Job) -> None:
        """Make the folder that the job starts in, and its results when nothing disturbs it."""
        self.starts[job.name] = start = self.inputs
        with self.place(job) as place:
            self.normal[job.name] = self._must(job, place)
            self.wanted[job.name] = results(job, place)
            assert self.wanted[job.name], f"{job.name}: nothing to compare"
        if job.earlier or job.interrupted:
            start = self.folder / f"start of {job.name}"
            with self.place(job) as place:
                self._begin(job, place)
                shutil.copytree(place, start)
        self.starts[job.name] = start

    def _begin(self, job: Job, place: Path) -> None:
        """Run what has already run in the folder that a job starts in."""
        if job.interrupted:
            ended = self.run(job, place, before=dies_at_write(int(self.normal[job.name].writes * 0.6)))
            assert ended.code == -signal.SIGKILL, ended
        else:
            self._must(Job("earlier", job.earlier, ()), place)
            assert results(job, place) != self.wanted[job.name]

    def _must(self, job: Job, place: Path) -> Ended:
        ended = self.run(job, place)
        assert ended.code == 0, ended.said
        return ended

    @contextlib.contextmanager
    def place(self, job: Job, mounted_bytes: int | None = None) -> Iterator[Path]:
        """A fresh copy of the folder that a job starts in, on its own small disk where a size is given."""
        place = self.folder / "place"
        place.mkdir()
        if mounted_bytes:
            command = ["mount", "-t", "tmpfs", "-o", f"size={mounted_bytes}", "tmpfs", str(place)]
            subprocess.run(command, check=True, capture_output=True)
        try:
            shutil.copytree(self.starts[job.name], place, dirs_exist_ok=True)
            yield place
        finally:
            if mounted_bytes:
                subprocess.run(["umount", "-l", str(place)], check=True, capture_output=True)
            shutil.rmtree(place)

    def run(self, job: Job, place: Path, **how: Callable[[], object]) -> Ended:
        """Run the command to its end."""
        return self.ended(self.start(job, place, **how))

    def start(
        self,
        job: Job,
        place: Path,
        *,
        before: Callable[[], object] = lambda: None,
        after: Callable[[], object] = lambda: None,
        streams: Callable[[], object] = lambda: None,
        number: int = 0,
    ) -> tuple[int, float, int]:
        """Fork a process that runs the command.

        Args:
            before: called in the fork just before the command begins.
            after: called in the fork after it has ended.
            streams: called in the fork where its standard streams are made; replaces the usual ones.
            number: tells apart commands that run at the same time.
        """
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
                os.close(handle)
            sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
            streams()
            one_thread()
            from embedtune.workflows.train import saved_check

            saved_check._start = lambda: None  # another process costs ten seconds per fault and finds nothing here
            writes = count_writes()
            before()
            try:
                signal.signal(signal.SIGINT, signal.default_int_handler)
                code = guarded(self.app, job.arguments)
            except KeyboardInterrupt:  # just before or after the guard
                code = 130
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            after()
            (self.folder / f"writes-{number}").write_text(str(writes[0]))
            with contextlib.suppress(OSError, OutputError):
                sys.stdout.flush()
                sys.stderr.flush()
        except BaseException as error:
            os.write(2, f"Traceback: {type(error).__name__}: {error}\n".encode())
        finally:
            os._exit(code)
        raise AssertionError

    def ended(self, begun: tuple[int, float, int]) -> Ended:
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

    def finish(
        self, job: Job, place: Path, outcome: Outcome, *, may_refuse: bool = False, removed: bool = False
    ) -> Outcome:
        """Run the command again unless it has finished, and compare its results.

        Args:
            may_refuse: something was damaged that cannot be recomputed.
            removed: the fault was to remove results.
        """
        if not removed:
            self.compare_files(job, place, outcome, may_refuse=may_refuse)
        if results(job, place) != self.wanted[job.name] or outcome.codes[-1] != 0 or strays(place):
            ended = self.run(job, place)
            outcome.codes.append(ended.code)
            self.listen(ended, outcome)
            outcome.told = may_refuse and "is damaged" in ended.said
            there = "not empty" in ended.said or "already exists" in ended.said
            done_before = there and results(job, place) == self.wanted[job.name]
            if ended.code != 0 and not done_before:
                outcome.refused = may_refuse and ended.code in WORDS_CODES
                if not outcome.refused:
                    outcome.complaints.append(f"lost: run again, it ended with {ended.code}: {ended.said[-400:]}")
                return outcome
        if results(job, place) != self.wanted[job.name] and not outcome.told:
            outcome.complaints.append("wrong result")
        self.compare_inputs(place, outcome)
        if strays(place):
            outcome.complaints.append(f"left over: {strays(place)}")
        return outcome

    def compare_files(self, job: Job, place: Path, outcome: Outcome, *, may_refuse: bool = False) -> None:
        """Complain of results that are neither the old nor the new ones, and of success without the new ones."""
        old, new, now = results(job, self.starts[job.name]), self.wanted[job.name], results(job, place)
        lost = [name for name in old if name not in now and "model/" not in name]
        if lost:
            outcome.complaints.append(f"lost: {lost} were there before")
        if may_refuse or outcome.codes[-1] == 0:
            return
        partial = [name for name, content in now.items() if content not in (old.get(name), new.get(name))]
        if partial:
            outcome.complaints.append(f"neither old nor new: {partial}")

    def compare_inputs(self, place: Path, outcome: Outcome) -> None:
        """Complain of inputs that are no longer what they were."""
        for path in self.inputs.rglob("*"):
            there = place / path.relative_to(self.inputs)
            if path.is_file() and not (there.is_file() and there.read_bytes() == path.read_bytes()):
                outcome.complaints.append(f"an input was changed or lost: {path.relative_to(self.inputs)}")

    def listen(self, ended: Ended, outcome: Outcome) -> None:
        """Record tracebacks, defects and hangs as complaints."""
        if any(words in ended.said for words in DEFECTS):
            outcome.complaints.append(f"traceback: {ended.said[-600:]}")
        if ended.code == -100:
            outcome.complaints.append("hangs")
        elif ended.code >= 0 and ended.code not in (*WORDS_CODES, READER_GONE):
            outcome.complaints.append(f"ended with {ended.code}, which no command does: {ended.said[-300:]}")


def import_everything() -> None:
    """Load once what all forks use."""
    import pyarrow.parquet  # noqa: F401

    from embedtune.workflows.check import encoder_checks  # noqa: F401
    from embedtune.workflows.compare import run as compare  # noqa: F401
    from embedtune.workflows.encode import run as encode  # noqa: F401
    from embedtune.workflows.evaluate import run as evaluate  # noqa: F401
    from embedtune.workflows.mine import run as mine  # noqa: F401
    from embedtune.workflows.mine import stages as run  # noqa: F401
    from embedtune.workflows.train import run as train  # noqa: F401
    from embedtune.workflows.train import stages as training_run  # noqa: F401


def one_thread() -> None:
    """Compute on this thread only: a fork lacks its parent's OpenMP threads, and would wait for them forever."""
    import faiss
    import torch

    torch.set_num_threads(1)
    faiss.omp_set_num_threads(1)


def on_write(number: int, act: Callable[[], object]) -> Callable[[], None]:
    """What, called in a fork, makes something happen just before the n-th write."""

    def begin() -> None:
        count = [0]

        def hook(event: str, arguments: tuple) -> None:
            if is_write(event, arguments):
                count[0] += 1
                if count[0] == number:
                    act()

        sys.addaudithook(hook)

    return begin


def dies_at_write(number: int) -> Callable[[], None]:
    """What, called in a fork, kills it just before its n-th write."""
    return on_write(number, lambda: os.kill(os.getpid(), signal.SIGKILL))


def count_writes() -> list[int]:
    """Count writes from now on, in a list of one number."""
    count = [0]

    def hook(event: str, arguments: tuple) -> None:
        count[0] += is_write(event, arguments)

    sys.addaudithook(hook)
    return count


def is_write(event: str, arguments: tuple) -> bool:
    """Whether an audit event changes what is on disk."""
    opened = event == "open" and isinstance(arguments[2], int)
    return event in WRITES or (opened and bool(arguments[2] & (os.O_WRONLY | os.O_RDWR)))


def results(job: Job, place: Path) -> dict[str, bytes]:
    """The files that must be the same in the end, by path."""
    paths = sorted(path for pattern in job.results for path in place.glob(pattern) if path.is_file())
    return {path.relative_to(place).as_posix(): path.read_bytes() for path in paths}


def strays(place: Path) -> list[str]:
    """Names of what should not be left when a command has ended."""
    return [path.name for path in place.rglob("*") if _is_stray(path.name)]


def _is_stray(name: str) -> bool:
    if name == ".lock":  # of a run that is done, where it could not be removed: nobody holds it
        return False
    hidden = name.startswith(".") and not name.endswith(".embedtune")  # what embedtune knows its own files by
    return hidden or name.endswith((".part", ".partial", ".job"))
