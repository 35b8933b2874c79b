"""What stands in the way on this machine, in words, each with what to do about it."""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from embedtune.findings import Finding, counted
from embedtune.reports.document.wording import memory as amount
from embedtune.reports.results.doctor import Installed, Memory, Place, Processor

LITTLE_MEMORY = 2 * 2**30
LITTLE_DISK = 2 * 2**30
CPU_WHEEL = "`pip install --force-reinstall torch --index-url https://download.pytorch.org/whl/cpu` is smaller"


def of_versions(packages: Sequence[Installed]) -> Iterator[Finding]:
    """Packages that are missing or outside the ranges that embedtune was made for."""
    for one in packages:
        if one.supported:
            continue
        if one.version is None:
            message, severity = f"{one.name} is not installed", "error"
        else:
            message, severity = f"{one.name} {one.version} is outside the supported range {one.required}", "warning"
        again = "use another Python" if one.name == "python" else f"pip install '{one.name}{one.required}'"
        yield Finding("unsupported-version", severity, 1, message, f"Mend it: {again}")


def of_processor(processor: Processor, threads: int) -> Iterator[Finding]:
    """Too few processors, more threads than there are, or somebody else's work on them."""
    if processor.usable == 1:
        told = f"only 1 of {processor.cores} processors may be used" if processor.cores > 1 else "there is 1 processor"
        yield Finding("one-core", "warning", 1, told, "Give the process or the container more, if there are more.")
    if threads > processor.usable:
        message = f"torch computes on {threads} threads, and {counted(processor.usable, 'processor')} may be used"
        yield Finding("too-many-threads", "warning", 1, message, f"Set OMP_NUM_THREADS={processor.usable}.")
    busy = _load()
    if busy is not None and busy > processor.usable:
        message = f"{busy:.1f} processes want to compute at once, so speeds measured now are less than the machine's"
        yield Finding("busy", "note", 1, message, "Measure again when it is quiet.")


def of_builds(builds: Mapping[str, Any], chosen: str) -> Iterator[Finding]:
    """A build of torch that does not fit the machine."""
    if chosen.startswith("cuda"):
        return
    if builds["nvidia_driver"] and builds["cuda"] is not None and builds["visible_gpus"] in ("", "-1"):
        message = "CUDA_VISIBLE_DEVICES hides every GPU: all works, on the CPU"
        yield Finding("gpu-hidden", "note", 1, message, "Nothing must be done; unset it to use them.")
    elif builds["nvidia_driver"]:
        message = f"there is an NVIDIA driver, and torch ({_built_for(builds)}) cannot use it"
        yield Finding("gpu-unused", "warning", 1, message, "Install the torch build for its CUDA version: pytorch.org.")
    elif builds["cuda"] is not None:
        message = f"torch is built for CUDA {builds['cuda']}, and there is no GPU: all works, on the CPU"
        yield Finding("cuda-build-without-gpu", "note", 1, message, f"Nothing must be done; {CPU_WHEEL}.")


def of_places(memory: Memory, places: Sequence[Place]) -> Iterator[Finding]:
    """Little memory, little room, folders that nothing can be written to."""
    left = memory.available_bytes
    if left is not None and left < LITTLE_MEMORY:
        fix = "Close other programs, or train with smaller batches (--batch-size, training.micro_batch_tokens)."
        yield Finding("little-memory", "warning", 1, f"{amount(left)} of memory are left", fix)
    for place in places:
        if not place.writable:
            message = f"{place.use} go to {place.folder}, which cannot be written"
            yield Finding("not-writable", "warning", 1, message, _INSTEAD[place.use])
        elif place.free_bytes is not None and place.free_bytes < LITTLE_DISK:
            message = f"{amount(place.free_bytes)} are free where {place.use} go ({place.folder})"
            yield Finding("little-disk", "warning", 1, message, f"Make room there. {_INSTEAD[place.use]}")


_INSTEAD = {
    "runs": "Name another folder with --output.",
    "vectors": "Name another folder with --store, or none.",
    "models of the Hub": "Name another folder in HF_HOME.",
}


def _built_for(builds: Mapping[str, Any]) -> str:
    if builds["cuda"] is not None:
        return f"built for CUDA {builds['cuda']}"
    return "built for ROCm" if builds["hip"] is not None else "built for CPUs"


def _load() -> float | None:
    try:
        return os.getloadavg()[0]
    except (AttributeError, OSError):  # Windows has none
        return None
