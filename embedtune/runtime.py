"""How this process computes, chosen before torch loads: how threads wait, how many there are, and the allocator.

The command line calls `settle` once. A program that imports embedtune as a library keeps its own settings, and
environment variables that the user has set are respected.

Measured with 2 cores and GNU OpenMP (benchmarks/runtime.py, and its table in benchmarks/README.md):
- threads that spin 30,000 turns while they wait, a tenth of GNU OpenMP's default. While other work competed for both
  cores, a step of a 6-layer encoder took 3.4 s, and 5.3 s with torch's defaults; without it, 1.7 and 1.9 s. Threads
  that sleep sooner do as well there, but on another, idle machine a step on 64 rows took 3.2 and 3.8 s with 30,000
  turns, 4.6 and 5.3 s with 1,000, and 4.9 and 5.3 s with none.
- an allocator that keeps freed memory, on steps of 32 texts of varying length: 5 thousand page faults and 0.01 s of
  system time per step; with glibc's defaults, 18 thousand and 0.04 s. The largest resident size was 2% more.
"""

import ctypes
import gc
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import psutil

from embedtune.cgroup import cpu_quota, usable_cpus
from embedtune.processes import this_process

Source = Literal["embedtune", "environment", "default"]

WAITING = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
ALLOCATORS = ("LD_PRELOAD", "GLIBC_TUNABLES", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_")
"""If any of these is in the environment, the user has chosen."""

SPINS = "30000"
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
MAPPED_FROM = 32 * 2**20  # glibc's maximum: larger tensors are mapped and freed one by one
KEPT = 512 * 2**20
ALLOCATOR = "allocator"


@dataclass(frozen=True)
class Setting:
    """One setting: its name, its value, who chose it, and why."""

    name: str
    value: str
    source: Source
    reason: str = ""


_settled: list[Setting] = []
_began: list[float] = []


def settle() -> None:
    """Choose what the user has not chosen, once per process, before torch or faiss load.

    Child processes inherit the variables, and settle their own allocator.
    """
    if not _settled:
        _settled.extend((_waiting(), _threads(), _allocator()))


def count_from_start() -> None:
    """Let `began` answer with the start of this process, because it is there for one command."""
    _began.append(time.perf_counter() - max(0.0, time.time() - psutil.Process().create_time()))


def began() -> float:
    """`time.perf_counter()` when the command began, imports included; now, where embedtune is used as a library."""
    return _began[0] if _began else time.perf_counter()


def settled() -> tuple[Setting, ...]:
    """What `settle` chose or found; empty where embedtune is used as a library."""
    return tuple(_settled)


def give_back() -> None:
    """Return memory that the allocator keeps to the system; does nothing unless `settle` chose the allocator."""
    if any(setting.name == ALLOCATOR and setting.source == "embedtune" for setting in _settled):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


@contextmanager
def loading() -> Iterator[None]:
    """Around the import of large libraries: keeps the garbage collector away from their objects, then and later.

    They create a million objects that stay. Collecting during the import takes an eighth of its time, and the trainer
    runs full collections several times per run. Does nothing where embedtune is used as a library, or within another
    `loading`.
    """
    if not (_settled and gc.isenabled()):
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _waiting() -> Setting:
    name = "waiting threads"
    if given := _given(WAITING):
        return Setting(name, given, "environment")
    os.environ["GOMP_SPINCOUNT"] = SPINS
    reason = "long enough for the next part of a step; beyond that, spinning threads take time from those that work"
    return Setting(name, f"GOMP_SPINCOUNT={SPINS}", "embedtune", reason)


def _threads() -> Setting:
    name = "threads"
    if given := _given(THREADS):
        return Setting(name, given, "environment")
    if (sharing := this_process().local_count) > 1:
        own = max(1, usable_cpus() // sharing)
        os.environ["OMP_NUM_THREADS"] = str(own)
        return Setting(name, f"OMP_NUM_THREADS={own}", "embedtune", f"{sharing} processes share this machine")
    quota = cpu_quota()
    if quota is None or quota >= (os.cpu_count() or 1):
        return Setting(name, "torch's own choice", "default")
    os.environ["OMP_NUM_THREADS"] = str(usable_cpus())
    reason = f"the container allows {quota:g} processors' worth of time, which torch does not see"
    return Setting(name, f"OMP_NUM_THREADS={usable_cpus()}", "embedtune", reason)


def _allocator() -> Setting:
    name = ALLOCATOR
    if given := _given(ALLOCATORS):
        return Setting(name, given, "environment")
    if not sys.platform.startswith("linux") or not _keep_memory():
        return Setting(name, "the system's own", "default", "not glibc")
    return Setting(
        name,
        f"glibc maps from {MAPPED_FROM >> 20} MiB, keeps {KEPT >> 20} MiB",
        "embedtune",
        "tensors of the next step reuse the memory of this one",
    )


def _keep_memory() -> bool:
    """Make glibc serve arrays from the heap and keep its free end; False if this is not glibc."""
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return False
    # The order matters if one is refused: a trim threshold alone would fix the mapping threshold at 128 KiB.
    return bool(mallopt(M_MMAP_THRESHOLD, MAPPED_FROM) and mallopt(M_TRIM_THRESHOLD, KEPT))


def _given(names: tuple[str, ...]) -> str:
    return " ".join(f"{name}={os.environ[name]}" for name in names if name in os.environ)
