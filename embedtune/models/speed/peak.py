"""How fast a device multiplies matrices at best: the reference for the speed of training."""

import time
from collections.abc import Callable
from functools import cache, partial

import torch
from torch import Tensor

SIZES = (128, 256, 512, 1024, 2048, 4096, 8192)
BUDGET_S = 0.25
REPEATS = 4
COPIED_BYTES = 64 * 2**20
"""Well beyond the caches, or they would be measured."""
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@cache
def matrix_peak(precision: str, device: str = "cpu") -> float:
    """Floating-point operations per second in the fastest square matrix product, with torch's current threads.

    Sizes grow until the time is up, so that a slow machine gets little work and a fast one enough. Measured once per
    process, in about a quarter of a second; other work on the machine lowers the result.

    Args:
        precision: fp32, bf16 or fp16, of the factors.
        device: a torch device: cpu, cuda, cuda:1, mps.

    Raises:
        KeyError: unknown precision.
        RuntimeError: torch does not multiply such matrices on this device.
    """
    own = torch.Generator(device).manual_seed(0)  # a measurement must not change the random numbers of the run
    best, ends = 0.0, time.perf_counter() + BUDGET_S
    for size in SIZES:
        factor = torch.randn(size, size, generator=own, device=device).to(DTYPES[precision])  # (size, size)
        seconds = 0.0
        for _ in range(REPEATS):  # the first one also initialises the library
            seconds = _seconds(factor)
            best = max(best, 2 * size**3 / seconds)
            if time.perf_counter() > ends:
                return best
        if time.perf_counter() + 8 * seconds > ends:
            return best
    return best


def copy_peak(device: str = "cpu") -> float:
    """Bytes per second that a device reads and writes while it copies, both counted, the best of several copies."""
    source = torch.zeros(COPIED_BYTES, dtype=torch.uint8, device=device)  # (bytes,)
    target = torch.ones_like(source)  # (bytes,)
    return 2 * COPIED_BYTES / min(timed(lambda: target.copy_(source), source.device) for _ in range(REPEATS))


def timed(work: Callable[[], object], device: torch.device) -> float:
    """Seconds that work takes on a device, from idle to idle; never 0."""
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
    """A call that waits until a device has finished all its work."""
    if device.type == "cuda":
        # Without a device it would wait for the current one, which may be another.
        return partial(torch.cuda.synchronize, device)
    wait: Callable[[], None] = torch.get_device_module(device).synchronize
    return wait
