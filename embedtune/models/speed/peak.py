"""How fast a device multiplies matrices at best: what the speed of training is held against."""

import time
from collections.abc import Callable
from functools import cache, partial

import torch
from torch import Tensor

SIZES = (128, 256, 512, 1024, 2048, 4096, 8192)
BUDGET_S = 0.25
REPEATS = 4
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@cache
def matrix_peak(precision: str, device: str = "cpu") -> float:
    """Floating-point operations a second in the fastest square matrix product seen, with the threads torch has now.

    Squares grow until the time is up, so that a slow machine is asked little and a fast one enough. Measured once a
    process, in about a quarter of a second; other work on the machine makes the result less.

    Args:
        precision: fp32, bf16 or fp16, of the factors.
        device: a torch device: cpu, cuda, cuda:1, mps.

    Raises:
        KeyError: there is no such precision.
        RuntimeError: torch does not multiply such matrices on this device.
    """
    own = torch.Generator(device).manual_seed(0)  # nobody else's random numbers may depend on a measurement
    best, ends = 0.0, time.perf_counter() + BUDGET_S
    for size in SIZES:
        factor = torch.randn(size, size, generator=own, device=device).to(DTYPES[precision])  # (size, size)
        seconds = 0.0
        for _ in range(REPEATS):  # the first one also makes the library ready
            seconds = _seconds(factor)
            best = max(best, 2 * size**3 / seconds)
            if time.perf_counter() > ends:
                return best
        if time.perf_counter() + 8 * seconds > ends:
            return best
    return best


def copy_peak(device: str = "cpu", *, bytes_each: int = 64 * 2**20) -> float:
    """Bytes a second that a device reads and writes while it copies, both counted, the best of some copies.

    Args:
        device: a torch device.
        bytes_each: of the array copied; well beyond the caches, or they are what is measured.
    """
    source = torch.zeros(bytes_each, dtype=torch.uint8, device=device)  # (bytes,)
    target = torch.ones_like(source)  # (bytes,)
    return 2 * bytes_each / min(timed(lambda: target.copy_(source), source.device) for _ in range(REPEATS))


def timed(work: Callable[[], object], device: torch.device) -> float:
    """Seconds that work on a device takes, from when it is idle until it is again; never 0."""
    wait = _waiting(device)
    wait()
    started = time.perf_counter()
    work()
    wait()
    return max(time.perf_counter() - started, 1e-9)


def _seconds(factor: Tensor) -> float:
    with torch.no_grad():
        return timed(lambda: factor @ factor, factor.device)


def _waiting(device: torch.device) -> Callable[[], None]:
    """Waits until a device has done all that it was given."""
    if device.type == "cuda":
        return partial(torch.cuda.synchronize, device)  # without one, for the current device, which may be another
    wait: Callable[[], None] = torch.get_device_module(device).synchronize
    return wait
