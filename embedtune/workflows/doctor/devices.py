"""What this machine can compute on, in which precision, and how fast it does."""

import os
import platform
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from embedtune.cgroup import cpu_quota, usable_cpus
from embedtune.reports.results.doctor import Device, Processor

CPUINFO = Path("/proc/cpuinfo")
TOLD = ("avx2", "avx512", "avx10", "avx_vnni", "amx", "neon", "sve", "bf16", "i8mm")
"""Instruction sets that matter for matrix products begin like this."""


def processor() -> Processor:
    """This machine's processor."""
    import torch

    found: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    instructions = sorted(name for name, there in found.items() if there is True and name.startswith(TOLD))
    return Processor(
        name=_model() or str(found.get("cpu_name") or "") or platform.processor() or platform.machine(),
        cores=os.cpu_count() or 1,
        usable=usable_cpus(),
        quota=cpu_quota(),
        instructions=tuple(instructions) or (torch.backends.cpu.get_cpu_capability().lower(),),
    )


def devices(*, measure: bool) -> tuple[Device, ...]:
    """Every device, the one that `auto` takes first.

    Args:
        measure: whether to find out how fast they are, half a second each.
    """
    from embedtune.models.speed.precision import choose_precision

    found: list[Device] = []
    for device, name, memory, free in _present():
        chosen = choose_precision("auto", device, has_products=True)
        peaks, bandwidth = _measured(device, chosen.name) if measure else ({}, None)
        found.append(Device(device, name, memory, free, chosen.name, chosen.reason, peaks, bandwidth))
    return tuple(found)


def builds() -> dict[str, Any]:
    """What torch was built for, whether this machine has a driver for it, and the GPUs that the user lets be seen."""
    import torch

    driver = Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None
    seen = os.environ.get("CUDA_VISIBLE_DEVICES")
    return {"cuda": torch.version.cuda, "hip": torch.version.hip, "nvidia_driver": driver, "visible_gpus": seen}


def _present() -> Iterator[tuple[str, str, int | None, int | None]]:
    """Device, name, memory and free memory."""
    import torch

    if torch.cuda.is_available():
        for number in range(torch.cuda.device_count()):
            yield f"cuda:{number}", torch.cuda.get_device_name(number), *_gpu_memory(number)
    if torch.backends.mps.is_available():
        yield "mps", "Apple GPU", int(torch.mps.recommended_max_memory()), None
    yield "cpu", "the processor", None, None


def _gpu_memory(number: int) -> tuple[int | None, int | None]:
    """A GPU's memory and what is free of it; no free memory is known of one that is full or somebody else's alone."""
    import torch

    try:
        free, total = torch.cuda.mem_get_info(number)
    except RuntimeError:
        return int(torch.cuda.get_device_properties(number).total_memory), None
    return total, free


def _measured(device: str, chosen: str) -> tuple[dict[str, float], float | None]:
    """FLOP/s by precision and bytes/s; what a device cannot do is left out."""
    from embedtune.models.speed.peak import copy_peak, matrix_peak

    peaks: dict[str, float] = {}
    for precision in dict.fromkeys(("fp32", chosen)):
        try:
            peaks[precision] = matrix_peak(precision, device)
        except RuntimeError:  # a device that is full, or lacks this product
            continue
    try:
        return peaks, copy_peak(device)
    except RuntimeError:
        return peaks, None


def _model() -> str:
    try:
        lines = CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
