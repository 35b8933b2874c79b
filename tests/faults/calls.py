"""Every system call on files, one after another, fails or is the last: `inject.c` below Python and all libraries.

`points` lists them for one command: each call with one error of those that it may meet, and a kill at each that
changes the disk. Which error is drawn turns with the call's number; another `turn` gives each call the next one.
"""

import ctypes
import errno
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from faults.harness import WORDS_CODES, Bench, Outcome, results
from faults.jobs import Job

SOURCE = Path(__file__).with_name("inject.c")
ONCE, ONWARDS, KILL = range(3)
"""A call fails once; it and all later ones of its kind; it never returns."""
_SPACE = " create write mkdir truncate "
_CHANGES = " create write mkdir truncate rename unlink chmod "
_HANDLES = " open create list "
LATER = {"ENOSPC": _SPACE, "EDQUOT": _SPACE, "EFBIG": " write truncate ", "EROFS": _CHANGES, "EMFILE": _HANDLES}
"""Which calls fail as well, once one has failed for good; all of them where nothing is said."""
ERRORS = {
    "open": ("EIO", "ESTALE+", "EMFILE", "EIO+", "EMFILE+"),
    "list": ("EIO", "ESTALE+", "EMFILE", "EIO+", "EMFILE+"),
    "read": ("EIO", "ESTALE+", "EIO+"),
    "create": ("ENOSPC+", "EROFS+", "EDQUOT+", "EMFILE", "EIO", "ESTALE+", "EMFILE+"),
    "write": ("ENOSPC+", "EIO", "EDQUOT+", "EFBIG", "EROFS+", "EIO+", "ESTALE+", "ENOSPC"),
    "fsync": ("EIO", "ENOSPC+", "EDQUOT", "EIO+"),
    "close": ("EIO", "EDQUOT+", "ENOSPC"),
    "truncate": ("ENOSPC+", "EIO", "EFBIG"),
    "rename": ("EIO", "EROFS+", "ENOSPC", "ESTALE+", "EDQUOT"),
    "unlink": ("EROFS+", "EIO", "ESTALE+"),
    "mkdir": ("ENOSPC+", "EROFS+", "EDQUOT", "EIO"),
    "chmod": ("EROFS+", "EIO"),
}
"""Call -> the errors it may meet; with + all later calls meet it too."""
CHANGING = ("create", "write", "fsync", "close", "truncate", "rename", "unlink", "mkdir")
"""Calls at which a kill leaves something else on disk than at the call before."""


@dataclass(frozen=True)
class Point:
    """One fault: the n-th call, its kind and the error; "KILL" for a kill."""

    job: str
    number: int
    call: str
    error: str


def library(folder: Path) -> Path | None:
    """The compiled library, made in a folder; None if this machine has no C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return None
    made = folder / "inject.so"
    command = [compiler, "-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-o", str(made), str(SOURCE), "-ldl"]
    subprocess.run(command, check=True)
    return made


def is_loaded() -> bool:
    """Whether this process was started with the library."""
    return hasattr(ctypes.CDLL(None), "fault_arm")


def armed(place: Path, number: int, error: str, trace: Path | None = None) -> Callable[[], None]:
    """What, called in a fork, makes the n-th call on files in a folder fail."""
    way = KILL if error == "KILL" else ONWARDS if error.endswith("+") else ONCE
    name = error.rstrip("+")
    code = 0 if way == KILL else getattr(errno, name)

    def begin() -> None:
        handle = -1 if trace is None else os.open(trace, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        ctypes.CDLL(None).fault_arm(str(place).encode(), number, code, way, LATER.get(name, "").encode(), handle)

    return begin


def disarm() -> None:
    """Let all calls succeed again."""
    ctypes.CDLL(None).fault_disarm()


def calls(bench: Bench, job: Job) -> list[str]:
    """The calls of an undisturbed command in order: what each does."""
    trace = bench.folder / "trace"
    with bench.place(job) as place:
        ended = bench.run(job, place, before=armed(place, 0, "EIO", trace), after=disarm)
        assert ended.code == 0, ended.said
    return [line.split(" ", 2)[1] for line in trace.read_text(errors="replace").splitlines()]


def points(bench: Bench, job: Job, turn: int = 0) -> Iterator[Point]:
    """Every call once with an error, and where it changes the disk once with a kill.

    Args:
        turn: which of its errors each call meets.
    """
    seen: Counter[str] = Counter()
    for number, call in enumerate(calls(bench, job), 1):
        errors = ERRORS[call]
        yield Point(job.name, number, call, errors[(seen[call] + turn) % len(errors)])
        seen[call] += 1
        if call in CHANGING and turn == 0:
            yield Point(job.name, number, call, "KILL")


def strike(bench: Bench, job: Job, point: Point) -> Outcome:
    """Cause one fault, then run the command again."""
    outcome = Outcome(f"{point.call} {point.error}", job.name, point.number)
    with bench.place(job) as place:
        ended = bench.run(job, place, before=armed(place, point.number, point.error), after=disarm)
        outcome.codes.append(ended.code)
        outcome.said = ended.said
        if ended.code != -9:
            bench.listen(ended, outcome)
        if point.error != "KILL" and ended.code not in WORDS_CODES:
            outcome.complaints.append(f"ended with {ended.code} and no message")
        if ended.code == 0 and results(job, place) != bench.wanted[job.name]:
            outcome.complaints.append("success without the result")
        return bench.finish(job, place, outcome)
