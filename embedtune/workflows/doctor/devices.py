"""The devices that this machine can compute on, with their precision and speed."""

import os
import platform
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from embedtune.cgroup import cpu_quota, usable_cpus
from embedtune.reports.results.doctor import Device, Processor, TorchBuild

CPUINFO = Path("/proc/cpuinfo")
INSTRUCTIONS = ("avx2", "avx512", "avx10", "avx_vnni", "amx", "neon", "sve", "bf16", "i8mm")
"""Prefixes of the instruction sets that matter for matrix products."""


def processor() -> Processor:
    """This machine's processor."""
    import torch

    found: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    instructions = sorted(name for name, there in found.items() if there is True and name.startswith(INSTRUCTIONS))
    return Processor(
        name=_model() or str(found.get("cpu_name") or "") or platform.processor() or platform.machine(),
        cores=os.cpu_count() or 1,
        usable=usable_cpus(),
        quota=cpu_quota(),
        instructions=tuple(instructions) or (torch.backends.cpu.get_cpu_capability().lower(),),
    )


def devices(*, measure: bool) -> tuple[Device, ...]:
    """Every device; the one that `auto` chooses comes first.

    Args:
        measure: whether to measure their speed, which takes half a second each.
    """
    from embedtune.models.speed.precision import choose_precision

    found: list[Device] = []
    for device, name, memory, free in _present():
        chosen = choose_precision("auto", device, has_products=True)
        peaks, bandwidth = measured_speed(device, chosen.name) if measure else ({}, None)
        found.append(Device(device, name, memory, free, chosen.name, chosen.reason, peaks, bandwidth))
    return tuple(found)


def torch_build() -> TorchBuild:
    """How torch was built, and what it could use here."""
    import torch

    driver = Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None
    seen = os.environ.get("CUDA_VISIBLE_DEVICES")
    return TorchBuild(torch.version.cuda, torch.version.hip, driver, seen)


def _present() -> Iterator[tuple[str, str, int | None, int | None]]:
    """Device, name, memory and free memory."""
    import torch

    if torch.cuda.is_available():
        for number in range(torch.cuda.device_count()):
            yield f"cuda:{number}", torch.cuda.get_device_name(number), *gpu_memory(number)
    if torch.backends.mps.is_available():
        yield "mps", "Apple GPU", int(torch.mps.recommended_max_memory()), None
    yield "cpu", "the processor", None, None


def gpu_memory(number: int) -> tuple[int | None, int | None]:
    """A GPU's memory and how much of it is free; None if it is full or another process uses it exclusively."""
    import torch

    try:
        free, total = torch.cuda.mem_get_info(number)
    except RuntimeError:
        return int(torch.cuda.get_device_properties(number).total_memory), None
    return total, free


def measured_speed(device: str, chosen: str) -> tuple[dict[str, float], float | None]:
    """FLOP/s by precision, and bytes/s; what the device cannot do is left out."""
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
