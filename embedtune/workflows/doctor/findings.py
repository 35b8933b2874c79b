"""Findings about this machine, each with what to do about it."""

import os
from collections.abc import Iterator, Sequence

from embedtune.findings import Finding, counted
from embedtune.reports.document.wording import memory as amount
from embedtune.reports.results.doctor import Installed, Memory, Place, Processor, TorchBuild

LITTLE_MEMORY = 2 * 2**30
LITTLE_DISK = 2 * 2**30
CPU_TORCH = "pip install --force-reinstall torch --index-url https://download.pytorch.org/whl/cpu"


def of_versions(packages: Sequence[Installed]) -> Iterator[Finding]:
    """Packages that are missing or outside the ranges that embedtune supports."""
    for one in packages:
        if one.supported:
            continue
        if one.version is None:
            message, severity = f"{one.name} is not installed", "error"
        else:
            message, severity = f"{one.name} {one.version} is outside the supported range {one.required}", "warning"
        again = "use another Python" if one.name == "python" else f"pip install '{one.name}{one.required}'"
        yield Finding("unsupported-version", severity, 1, message, f"Fix it: {again}")


def of_processor(processor: Processor, threads: int) -> Iterator[Finding]:
    """One processor only, more threads than processors, or other processes that keep them busy."""
    if processor.usable == 1:
        message = (
            f"only 1 of {processor.cores} processors may be used" if processor.cores > 1 else "there is 1 processor"
        )
        yield Finding("one-core", "warning", 1, message, "Give the process or container more processors if possible.")
    if threads > processor.usable:
        message = f"torch uses {threads} threads, but only {counted(processor.usable, 'processor')} may be used"
        yield Finding("too-many-threads", "warning", 1, message, f"Set OMP_NUM_THREADS={processor.usable}.")
    busy = system_load()
    if busy is not None and busy > processor.usable:
        message = f"{busy:.1f} processes are competing for the processors, so measured speeds are too low"
        yield Finding("busy", "note", 1, message, "Measure again when the machine is idle.")


def of_build(build: TorchBuild, chosen: str) -> Iterator[Finding]:
    """A build of torch that does not suit the machine."""
    if chosen.startswith("cuda"):
        return
    if build.nvidia_driver and build.cuda is not None and build.visible_gpus in ("", "-1"):
        message = "CUDA_VISIBLE_DEVICES hides every GPU; everything runs on the CPU"
        yield Finding("gpu-hidden", "note", 1, message, "No action needed; unset it to use them.")
    elif build.nvidia_driver:
        message = f"there is an NVIDIA driver, but torch ({_built_for(build)}) cannot use it"
        yield Finding("gpu-unused", "warning", 1, message, "Install torch for its CUDA version from pytorch.org.")
    elif build.cuda is not None:
        message = f"torch is built for CUDA {build.cuda}, but there is no GPU; everything runs on the CPU"
        yield Finding("cuda-build-without-gpu", "note", 1, message, f"No action needed. A smaller build: {CPU_TORCH}")


def of_places(memory: Memory, places: Sequence[Place]) -> Iterator[Finding]:
    """Little memory, little disk space, and folders that are not writable."""
    left = memory.available_bytes
    if left is not None and left < LITTLE_MEMORY:
        fix = "Close other programs, or train with smaller batches (--batch-size, training.micro_batch_tokens)."
        yield Finding("little-memory", "warning", 1, f"only {amount(left)} of memory is free", fix)
    for place in places:
        if not place.writable:
            message = f"{place.use} go to {place.folder}, which is not writable"
            yield Finding("not-writable", "warning", 1, message, _INSTEAD[place.use])
        elif place.free_bytes is not None and place.free_bytes < LITTLE_DISK:
            message = f"only {amount(place.free_bytes)} is free where {place.use} go ({place.folder})"
            yield Finding("little-disk", "warning", 1, message, f"Make room there. {_INSTEAD[place.use]}")


_INSTEAD = {
    "runs": "Name another folder with --output.",
    "vectors": "Name another folder with --store, or use --store none.",
    "models of the Hub": "Set HF_HOME to another folder.",
}


def _built_for(build: TorchBuild) -> str:
    if build.cuda is not None:
        return f"built for CUDA {build.cuda}"
    return "built for ROCm" if build.hip is not None else "built for CPUs"


def system_load() -> float | None:
    """Processes that run or wait to run, averaged over a minute; None if the system does not say."""
    try:
        return os.getloadavg()[0]
    except (AttributeError, OSError):  # not on Windows
        return None
