"""Memory, disks and folders that the commands use, as far as this process can see them."""

import os
import shutil
from pathlib import Path

import psutil

from embedtune.cgroup import free_memory, memory_limit
from embedtune.models.encode.store import CAP_BYTES, default_folder, stored_bytes
from embedtune.models.sources.on_hub import OFFLINE_VARIABLES, offline
from embedtune.reports.results.doctor import HubAccess, Memory, Place, StoreUse
from embedtune.workflows.shared.run_folder import RUNS


def memory() -> Memory:
    """The memory of this machine and of its container."""
    return Memory(_total(), memory_limit(), free_memory())


def places() -> tuple[Place, ...]:
    """Where runs, vectors and models go by default."""
    named = (("runs", RUNS.absolute()), ("vectors", default_folder()), ("models of the Hub", _hub_folder()))
    return tuple(_place(use, folder) for use, folder in named)


def store() -> StoreUse:
    """The vector store, its size and its largest size."""
    folder = default_folder()
    return StoreUse(str(folder), stored_bytes(folder), CAP_BYTES)


def hub() -> HubAccess:
    """Whether the Hub may be used, and which variable forbids it; it is not contacted here."""
    said = tuple(f"{name}={os.environ[name]}" for name in OFFLINE_VARIABLES if os.environ.get(name))
    return HubAccess(offline(), said, str(_hub_folder()))


def _hub_folder() -> Path:
    from huggingface_hub.constants import HF_HUB_CACHE

    return Path(HF_HUB_CACHE)


def _total() -> int | None:
    try:
        return int(psutil.virtual_memory().total)
    except (OSError, RuntimeError, psutil.Error):  # no /proc
        return None


def _place(use: str, folder: Path) -> Place:
    there = next((one for one in (folder, *folder.parents) if os.path.isdir(one)), Path(folder.anchor or "."))  # noqa: PTH112  (pathlib raises without permission to look)
    try:
        free = shutil.disk_usage(there).free
    except OSError:
        free = None
    return Place(use, str(folder), free, os.access(there, os.W_OK))
