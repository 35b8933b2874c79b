"""What a record says about the machine that made a result, and the memory that it took."""

import platform
import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import psutil

from embedtune import __version__
from embedtune.config.sections.encoder import ModelSection
from embedtune.models.sources.installed import may_be_installed
from embedtune.models.sources.resolve import resolve

PACKAGES = (
    "torch",
    "sentence-transformers",
    "transformers",
    "tokenizers",
    "accelerate",
    "datasets",
    "numpy",
)


def machine_facts(models: Iterable[ModelSection] = ()) -> dict[str, Any]:
    """Package versions, machine and system, for the record of a result; and which packages the models came from."""
    versions = {"embedtune": __version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    facts: dict[str, Any] = {"versions": versions, "machine": platform.machine(), "system": platform.system()}
    found = {section.name: resolve(section).installed for section in models if may_be_installed(section.name)}
    packages = {name: model.facts() for name, model in found.items() if model is not None}
    return {**facts, "model_packages": packages} if packages else facts


def peak_memory_bytes() -> int:
    """The largest resident size of this process so far."""
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if sys.platform == "darwin" else used * 1024  # bytes on macOS, KiB on Linux


def mapped_memory_bytes() -> int | None:
    """Resident pages of mapped files, libraries included, which the system takes back when memory is short.

    They are part of the resident size. None where the system does not tell them apart, as on macOS and Windows.
    """
    return getattr(psutil.Process().memory_info(), "shared", None)
