"""The processors and memory that a container gives this process, from Linux control groups.

The kernel reports what the machine has; a container may get only a part of it, which those numbers do not show. Both
versions of control groups are read. Without control groups, nothing is limited.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

MEMBERSHIP = Path("/proc/self/cgroup")
MOUNT = Path("/sys/fs/cgroup")


def usable_cpus() -> int:
    """Processors that this process may keep busy: those it may run on, or fewer if its CPU quota is lower."""
    try:
        allowed = len(os.sched_getaffinity(0))
    except (AttributeError, OSError):  # macOS and Windows have no such call
        allowed = os.cpu_count() or 1
    quota = cpu_quota()
    return allowed if quota is None else max(1, min(allowed, int(quota)))


def cpu_quota() -> float | None:
    """CPU time that the container allows, in processors; None for no limit."""
    return _least("cpu", _quota)


def memory_limit() -> int | None:
    """Bytes that the container may use; None if only the machine sets a limit."""
    limit = _least("memory", _limit)
    return None if limit is None else int(limit)


def free_memory() -> int | None:
    """Free bytes of the machine or of the container, whichever is less; None if neither is known."""
    left = _least("memory", memory_left)
    known = [free for free in (_free_on_machine(), None if left is None else int(left)) if free is not None]
    return min(known, default=None)


def _least(controller: str, read: Callable[[Path], float | None]) -> float | None:
    """The lowest limit of a group and its parents."""
    return min((limit for folder in _groups(controller) if (limit := read(folder)) is not None), default=None)


def _groups(controller: str) -> Iterator[Path]:
    """The folders of this process's group and its parents, innermost first.

    Inside a container the path is often that of the host and does not exist here; then only the mount's root does.
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
    """Where the groups of a controller are mounted, alone or with others, in any order."""
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
    return limit if limit is not None and 0 < limit < 2**60 else None  # version 1 writes almost 2**63 for no limit


def memory_left(folder: Path) -> float | None:
    """Bytes that a group may still use; cached files that the kernel can drop do not count as used."""
    limit = _limit(folder)
    if limit is None:
        return None
    used = _number(folder / "memory.current") or _number(folder / "memory.usage_in_bytes") or 0.0
    return max(0.0, limit - max(0.0, used - _droppable(folder)))


def _free_on_machine() -> int | None:
    import psutil  # noqa: PLC0415  (every start of the command line imports this file)

    try:
        return int(psutil.virtual_memory().available)
    except (OSError, RuntimeError, psutil.Error):  # no /proc
        return None


def _droppable(folder: Path) -> float:
    words = dict(line.split()[:2] for line in _text(folder / "memory.stat").splitlines() if len(line.split()) >= 2)
    # Version 1 has a count for the group alone and a total with its children; version 2 has only the total.
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
