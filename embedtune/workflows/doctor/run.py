"""`embedtune doctor`: what this machine has, what `auto` would choose on it, and what is wrong with it."""

import platform
from pathlib import Path

from embedtune.findings import by_severity, verdict_of
from embedtune.reports.results.doctor import Diagnosis, ThreadPool
from embedtune.runtime import settled
from embedtune.workflows.doctor import findings as found
from embedtune.workflows.doctor.devices import devices, processor, torch_build
from embedtune.workflows.doctor.places import hub, memory, places, store
from embedtune.workflows.doctor.versions import installed
from embedtune.workflows.shared.talk import Silence, Talk


def doctor(*, quick: bool = False, talk: Talk | None = None) -> Diagnosis:
    """Look at this machine, without using the network.

    Args:
        quick: do not measure speeds.
        talk: gets the progress.
    """
    import torch

    packages, chip, built = installed(), processor(), torch_build()
    with (talk or Silence()).progress("checking the devices"):
        seen = devices(measure=not quick)
    left, folders = memory(), places()
    odd = by_severity(
        [
            *found.of_versions(packages),
            *found.of_build(built, seen[0].device),
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


def _threads() -> tuple[ThreadPool, ...]:
    """The loaded libraries that use several threads; torch and FAISS each bring their own OpenMP."""
    from threadpoolctl import threadpool_info  # type: ignore[import-untyped]

    from embedtune.search.candidates import threads

    threads()  # loads FAISS
    return tuple(
        ThreadPool(pool["prefix"], brought_by(pool["filepath"]), pool["num_threads"]) for pool in threadpool_info()
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
