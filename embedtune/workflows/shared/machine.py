"""What a record says about the machine that made a result, and the memory that it took."""

import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import psutil

from embedtune import __version__

PACKAGES = (
    "torch",
    "sentence-transformers",
    "transformers",
    "tokenizers",
    "accelerate",
    "datasets",
    "numpy",
)


def machine_facts() -> dict[str, Any]:
    """Package versions, machine and system, for the record of a result."""
    versions = {"embedtune": __version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return {"versions": versions, "machine": platform.machine(), "system": platform.system()}


def peak_memory_bytes() -> int:
    """The largest resident size of this process so far."""
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if sys.platform == "darwin" else used * 1024  # bytes on macOS, KiB on Linux
