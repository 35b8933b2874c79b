"""`embedtune doctor`: what this machine has, what `auto` would choose on it, and what is wrong with it."""

import dataclasses
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedtune.findings import Finding, by_severity, verdict_of
from embedtune.runtime import Setting, settled
from embedtune.workflows.doctor import findings as found
from embedtune.workflows.doctor.devices import Device, Processor, builds, devices, processor
from embedtune.workflows.doctor.places import Memory, Place, hub, memory, places, store
from embedtune.workflows.doctor.versions import Installed, installed
from embedtune.workflows.shared.talk import Silence, Talk


@dataclass(frozen=True)
class Diagnosis:
    """The outcome of `embedtune doctor`; the field names are the `--json` keys and do not change.

    Args:
        system: the operating system.
        versions: of Python and packages, with the ranges required.
        processor: its name, its cores, how many may be used, and instruction sets.
        devices: with memory, the precision of `auto`, its reason and, unless quick, FLOP/s and bytes/s; the one that
            `auto` chooses comes first.
        torch: what it was built for, and whether there is an NVIDIA driver.
        threads: of each library that uses several.
        settings: what was set at start-up, by whom and why.
        memory: of machine and container, in bytes.
        places: folders, their free space and whether they are writable.
        store: the vector store's size and largest size.
        hub: whether the network may be used.
        findings: the most severe first.
        verdict: "errors", "warnings", "notes" or "clean", by the most severe finding.
    """

    system: str
    versions: tuple[Installed, ...]
    processor: Processor
    devices: tuple[Device, ...]
    torch: Mapping[str, Any]
    threads: tuple[Mapping[str, Any], ...]
    settings: tuple[Setting, ...]
    memory: Memory
    places: tuple[Place, ...]
    store: Mapping[str, Any]
    hub: Mapping[str, Any]
    findings: tuple[Finding, ...]
    verdict: str

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return dataclasses.asdict(self)


def doctor(*, quick: bool = False, talk: Talk | None = None) -> Diagnosis:
    """Look at this machine, without using the network.

    Args:
        quick: do not measure speeds.
        talk: gets the progress.
    """
    import torch

    packages, chip, built = installed(), processor(), builds()
    with (talk or Silence()).progress("checking the devices"):
        seen = devices(measure=not quick)
    left, folders = memory(), places()
    odd = by_severity(
        [
            *found.of_versions(packages),
            *found.of_builds(built, seen[0].device),
            *found.of_processor(chip, torch.get_num_threads()),
            *found.of_places(left, folders),
        ]
    )
    return Diagnosis(
        system=platform.platform(),
        versions=packages,
        processor=chip,
        devices=seen,
        torch=built,
        threads=_threads(),
        settings=settled(),
        memory=left,
        places=folders,
        store=store(),
        hub=hub(),
        findings=tuple(odd),
        verdict=verdict_of(odd),
    )


def _threads() -> tuple[Mapping[str, Any], ...]:
    """The loaded libraries that use several threads; torch and FAISS each bring their own OpenMP."""
    from threadpoolctl import threadpool_info  # type: ignore[import-untyped]

    from embedtune.search.candidates import threads

    threads()  # loads FAISS
    return tuple(
        {"library": pool["prefix"], "of": brought_by(pool["filepath"]), "threads": pool["num_threads"]}
        for pool in threadpool_info()
    )


def brought_by(path: str) -> str:
    """The package that a shared library came with, or the folder of a system library.

    >>> brought_by("/venv/lib/python3.12/site-packages/faiss_cpu.libs/libgomp-98df74fd.so.1.0.0")
    'faiss_cpu'
    >>> brought_by("/usr/lib/libgomp.so.1")
    '/usr/lib'
    """
    parts = Path(path).parts
    if "site-packages" in parts[:-2]:
        return parts[parts.index("site-packages") + 1].partition(".")[0]
    return str(Path(path).parent)
