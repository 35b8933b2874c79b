"""Attention over texts of any length in one call: torch's own kernel for CUDA, where this torch has one."""

from functools import cache
from inspect import signature

import torch
from torch import Tensor

from embedtune.models.packing.band import Band
from embedtune.models.packing.laid import Laid

HALVES = (torch.bfloat16, torch.float16)


def varlen_attention(
    query: Tensor, key: Tensor, value: Tensor, band: Band, scaling: float, laid: Laid
) -> Tensor | None:
    """Attention of (1, H, T, d) to (1, K, T, d): (1, T, H, d); None where the kernel does not take it.

    It takes bf16 and fp16 on CUDA, which is what a GPU that has bf16 trains and encodes in. Under autocast the three
    come in different types, as rotary positions are float32, and are cast here as torch's other attention casts them.
    """
    if query.device.type != "cuda" or not _has_kernel(query.device):
        return None
    dtype = torch.get_autocast_dtype("cuda") if torch.is_autocast_enabled("cuda") else query.dtype
    if dtype not in HALVES or query.shape[-1] % 8 or query.shape[-1] > 256:
        return None
    from torch.nn.attention.varlen import varlen_attn

    q, k, v = (x[0].transpose(0, 1).to(dtype).contiguous() for x in (query, key, value))  # (T, H or K, d)
    window = _window(band, laid.longest)
    found: Tensor = varlen_attn(  # type: ignore[assignment]  # a tuple only where more is asked for
        q,
        k,
        v,
        laid.ends,
        laid.ends,
        laid.longest,
        laid.longest,
        scale=scaling,
        window_size=window,
        enable_gqa=len(q[0]) != len(k[0]),
    )
    return found[None]


@cache
def _has_kernel(device: torch.device) -> bool:
    """Whether this torch has the kernel, with windows and grouped heads, and this GPU runs it."""
    try:
        from torch.nn.attention.varlen import varlen_attn
    except ImportError:
        return False
    known = signature(varlen_attn).parameters
    return {"window_size", "enable_gqa"} <= known.keys() and torch.cuda.get_device_capability(device) >= (8, 0)


def _window(band: Band, longest: int) -> tuple[int, int]:
    """Tokens seen before and after, -1 for all of them."""
    left, right = (-1 if reach >= longest - 1 else reach for reach in (band.left, band.right))
    return left, right
