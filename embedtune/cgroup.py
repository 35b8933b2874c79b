"""What a container lets this process have of the machine: processors and memory, from Linux control groups.

The kernel counts what a machine has; a container may be given a part of it, which the counts do not show. Both
versions of control groups are read. Where there are none, nothing is limited.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

MEMBERSHIP = Path("/proc/self/cgroup")
MOUNT = Path("/sys/fs/cgroup")


def usable_cpus() -> int:
    """Processors that this process may keep busy: those it may run on, or fewer where its share of time is less."""
    try:
        allowed = len(os.sched_getaffinity(0))
    except (AttributeError, OSError):  # no such call on macOS and Windows
        allowed = os.cpu_count() or 1
    quota = cpu_quota()
    return allowed if quota is None else max(1, min(allowed, int(quota)))


def cpu_quota() -> float | None:
    """Processors' worth of time that the container gives; None where it gives all."""
    return _least("cpu", _quota)


def memory_limit() -> int | None:
    """Bytes that the container may use; None where nothing but the machine sets a limit."""
    limit = _least("memory", _limit)
    return None if limit is None else int(limit)


def free_memory() -> int | None:
    """Bytes that can still be had, of the machine or of the container, whichever has less; None where neither says."""
    left = _least("memory", _left)
    told = [free for free in (_free_on_machine(), None if left is None else int(left)) if free is not None]
    return min(told, default=None)


def _least(controller: str, read: Callable[[Path], float | None]) -> float | None:
    """The least limit of a group and those it is in."""
    return min((limit for folder in _groups(controller) if (limit := read(folder)) is not None), default=None)


def _groups(controller: str) -> Iterator[Path]:
    """The folders of this process's group and of those it is in, innermost first.

    Inside a container the path is often the host's and names nothing here; what is here then is the mount's root.
    """
    for line in _text(MEMBERSHIP).splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers and controller not in controllers.split(","):
            continue
        root = _mount(controller, controllers)
        inner = root / path.lstrip("/")
        yield from (folder for folder in (inner, *inner.parents) if folder == root or root in folder.parents)


def _mount(controller: str, controllers: str) -> Path:
    """Where the groups of a controller are mounted, alone or with others, whose order may differ from the one told."""
    if not controllers:
        return MOUNT
    together = MOUNT / controllers
    return together if together.is_dir() else MOUNT / controller


def _quota(folder: Path) -> float | None:
    written = _text(folder / "cpu.max").split()  # "max 100000" or "150000 100000"
    if not written:
        written = [_text(folder / name).strip() for name in ("cpu.cfs_quota_us", "cpu.cfs_period_us")]
    try:
        quota, period = (float(word) for word in written)
    except ValueError:
        return None
    return quota / period if quota > 0 and period > 0 else None


def _limit(folder: Path) -> float | None:
    limit = _number(folder / "memory.max") or _number(folder / "memory.limit_in_bytes")
    return limit if limit is not None and 0 < limit < 2**60 else None  # version 1 writes nearly 2**63 for none


def _left(folder: Path) -> float | None:
    """What a group may still use; files that the kernel can drop do not count as used."""
    limit = _limit(folder)
    if limit is None:
        return None
    used = _number(folder / "memory.current") or _number(folder / "memory.usage_in_bytes") or 0.0
    return max(0.0, limit - max(0.0, used - _droppable(folder)))


def _free_on_machine() -> int | None:
    import psutil  # noqa: PLC0415  (each start of the command line reads this file)

    try:
        return int(psutil.virtual_memory().available)
    except (OSError, RuntimeError, psutil.Error):  # no /proc
        return None


def _droppable(folder: Path) -> float:
    words = dict(line.split()[:2] for line in _text(folder / "memory.stat").splitlines() if len(line.split()) >= 2)
    # Version 1 counts a group alone, and with those in it, whose use is a part of its own; version 2 only the latter.
    text = words.get("total_inactive_file", words.get("inactive_file", "0"))
    return float(text) if text.isdigit() else 0.0


def _number(path: Path) -> float | None:
    try:
        return float(_text(path))
    except ValueError:  # "max", or no such file
        return None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
