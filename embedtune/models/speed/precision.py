"""Chooses the number format of the encoder's matrix products; the reason is printed with the choice."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from embedtune.errors import ConfigError

FP32 = "fp32"


@dataclass(frozen=True)
class Precision:
    """The choice and its reason. `name` is fp32, bf16 or fp16."""

    name: str
    reason: str


def choose_precision(asked: str, device: str, *, has_products: bool) -> Precision:
    """The precision of the encoder's matrix products; master weights and losses stay in float32.

    Args:
        asked: auto, fp32, bf16 or fp16.
        device: where it computes: cpu, cuda, cuda:1, mps.
        has_products: whether the encoder multiplies matrices at all; a table of static vectors does not.

    Raises:
        ConfigError: fp16 on a CPU, where torch has no loss scaling, or fp16 on MPS.
    """
    kind = device.split(":")[0]
    if asked == "fp16" and kind != "cuda":
        raise ConfigError(
            f"fp16 needs a CUDA device, this run is on {device}",
            where="--precision",
            next="use --precision bf16, or fp32",
        )
    if asked != "auto":
        return Precision(asked, "as asked")
    if not has_products:
        return Precision(FP32, "this encoder looks up vectors and multiplies no matrices, so bf16 would gain nothing")
    if multiplies_bf16(device):
        return Precision("bf16", f"this {'processor' if kind == 'cpu' else 'GPU'} multiplies bf16 matrices in hardware")
    return Precision(FP32, f"no bf16 hardware found on {device}")


def multiplying(precision: str, device: str) -> AbstractContextManager[Any]:
    """While open, matrix products on this device run in fp32, bf16 or fp16; everything else is unchanged."""
    import torch

    if precision == FP32:
        return nullcontext()
    return torch.autocast(device.split(":")[0], dtype={"bf16": torch.bfloat16, "fp16": torch.float16}[precision])


def multiplies_bf16(device: str) -> bool:
    """Whether the hardware of a device multiplies bf16 matrices; only asked here, so that a test can replace it."""
    import torch

    kind = device.split(":")[0]
    if kind == "cuda":
        with torch.cuda.device(device):  # torch answers for the current device
            # Emulated, as on GPUs older than Ampere, it is slower than float32.
            return torch.cuda.is_bf16_supported(including_emulation=False)
    # Older releases of torch cannot be asked.
    found: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)() if kind == "cpu" else {}
    return bool(found.get("avx512_bf16") or found.get("amx_bf16"))
