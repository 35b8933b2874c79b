"""How this process computes, chosen before torch loads: waiting threads, their number, and the allocator.

The command line calls `settle` once. A program that imports embedtune as a library keeps its own settings, and what
the user has set in the environment is left alone.

Measured with 2 cores and GNU OpenMP (benchmarks/runtime.py, and its table in benchmarks/README.md):
- threads that spin 30,000 turns while they wait, a tenth of what GNU OpenMP has. While other work wanted both cores a
  step of a 6-layer encoder took 3.4 s, and 5.3 s as torch has it; alone 1.7 and 1.9 s. Threads that sleep sooner do as
  well there, but on another quiet machine a step on 64 rows took 3.2 and 3.8 s with 30,000 turns, 4.6 and 5.3 s with
  1,000, and 4.9 and 5.3 s with none.
- an allocator that keeps what it was given back, on steps of 32 texts of changing length: 5 thousand page faults and
  0.01 s of system time a step; as glibc has it, 18 thousand and 0.04 s. The largest resident size was 2% more.
"""

import ctypes
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from embedtune.cgroup import cpu_quota, usable_cpus

Source = Literal["embedtune", "environment", "default"]

WAITING = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
ALLOCATORS = ("LD_PRELOAD", "GLIBC_TUNABLES", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_")
"""Any of these in the environment, and the user has chosen."""

SPINS = "30000"
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
MAPPED_FROM = 32 * 2**20  # the most that glibc takes: larger tensors are mapped and given back one by one
KEPT = 512 * 2**20
ALLOCATOR = "allocator"


@dataclass(frozen=True)
class Setting:
    """One thing that was settled: its name, what it is now, who chose it, and why."""

    name: str
    value: str
    source: Source
    reason: str = ""


_settled: list[Setting] = []


def settle() -> None:
    """Choose what the user has not, once a process, before torch or faiss load.

    Processes that are started later inherit the variables, and settle their own allocator.
    """
    if not _settled:
        _settled.extend((_waiting(), _threads(), _allocator()))


def settled() -> tuple[Setting, ...]:
    """What `settle` chose or found; nothing where embedtune is used as a library."""
    return tuple(_settled)


def give_back() -> None:
    """Give the system what the allocator keeps of work that is over; nothing where `settle` did not choose it."""
    if any(setting.name == ALLOCATOR and setting.source == "embedtune" for setting in _settled):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


@contextmanager
def loading() -> Iterator[None]:
    """Around the import of large libraries: no garbage is looked for, then or later, among what they make.

    They make a million objects that stay. Looking through them while they come takes an eighth of the time of the
    import, and the trainer looks through all there are several times a run. Nothing where embedtune is used as a
    library, and nothing within another `loading`.
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
    if said := _said(WAITING):
        return Setting(name, said, "environment")
    os.environ["GOMP_SPINCOUNT"] = SPINS
    reason = "long enough for the next part of a step; beyond that, threads that spin take the time of those that work"
    return Setting(name, f"GOMP_SPINCOUNT={SPINS}", "embedtune", reason)


def _threads() -> Setting:
    name = "threads"
    if said := _said(THREADS):
        return Setting(name, said, "environment")
    quota = cpu_quota()
    if quota is None or quota >= (os.cpu_count() or 1):
        return Setting(name, "torch's own choice", "default")
    os.environ["OMP_NUM_THREADS"] = str(usable_cpus())
    reason = f"the container has {quota:g} processors' worth of time, which torch does not see"
    return Setting(name, f"OMP_NUM_THREADS={usable_cpus()}", "embedtune", reason)


def _allocator() -> Setting:
    name = ALLOCATOR
    if said := _said(ALLOCATORS):
        return Setting(name, said, "environment")
    if not sys.platform.startswith("linux") or not _keep_memory():
        return Setting(name, "the system's own", "default", "not glibc")
    return Setting(
        name,
        f"glibc maps from {MAPPED_FROM >> 20} MiB, keeps {KEPT >> 20} MiB",
        "embedtune",
        "tensors of the next step take the memory of this one",
    )


def _keep_memory() -> bool:
    """Ask glibc to serve arrays from the heap and to keep its free end; False where it is not glibc."""
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return False
    # The order matters where one is refused: a trim threshold alone would fix mapping at 128 KiB.
    return bool(mallopt(M_MMAP_THRESHOLD, MAPPED_FROM) and mallopt(M_TRIM_THRESHOLD, KEPT))


def _said(names: tuple[str, ...]) -> str:
    return " ".join(f"{name}={os.environ[name]}" for name in names if name in os.environ)
