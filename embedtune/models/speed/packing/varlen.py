"""Attention over packed texts in one call: torch's own kernel for CUDA, where this torch has one."""

from collections.abc import Callable
from functools import cache
from inspect import signature
from typing import Any

import torch
from torch import Tensor

from embedtune.models.speed.packing.band import Band
from embedtune.models.speed.packing.laid import Laid
from embedtune.models.speed.packing.rows import attention_in_rows

HALVES = (torch.bfloat16, torch.float16)
CLOSE = 0.03
"""Largest relative error of products in 16 bits."""


def varlen_attention(
    query: Tensor, key: Tensor, value: Tensor, band: Band, scaling: float, laid: Laid
) -> Tensor | None:
    """Attention of (1, H, T, d) to (1, K, T, d): (1, T, H, d); None if the kernel does not support it.

    It supports bf16 and fp16 on CUDA, which are what GPUs with bf16 train and encode in. Under autocast the three
    arguments have different types, since rotary positions are float32; they are cast as torch's other attention does.
    """
    if query.device.type != "cuda" or not _has_kernel(query.device):
        return None
    dtype = torch.get_autocast_dtype("cuda") if torch.is_autocast_enabled("cuda") else query.dtype
    if dtype not in HALVES or not _fits(query.shape[-1]):
        return None
    from torch.nn.attention.varlen import varlen_attn

    q, k, v = (x[0].transpose(0, 1).to(dtype).contiguous() for x in (query, key, value))  # (T, H or K, d)
    window = _window(band, laid.longest)
    found: Tensor = varlen_attn(  # type: ignore[assignment]  # a tuple only if more is requested
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
    """Whether this torch has the kernel, with windows and grouped heads, and this GPU runs it, forward and backward."""
    try:
        from torch.nn.attention.varlen import varlen_attn
    except ImportError:
        return False
    known = signature(varlen_attn).parameters
    if not {"window_size", "enable_gqa"} <= known.keys() or torch.cuda.get_device_capability(device) < (8, 0):
        return False
    return agrees(varlen_attn, device)


def agrees(kernel: Callable[..., Any], device: torch.device) -> bool:
    """Whether a kernel agrees with products and a softmax, gradients included, on a few tokens of two texts.

    Models are tried in float32, which the kernel does not support, so that no other check would notice.
    """
    laid = Laid.of(torch.tensor([0, 2, 5], device=device), (2, 3))
    # The first caller may be encoding, or running forward without a graph.
    with torch.inference_mode(False), torch.enable_grad(), torch.autocast(device.type, enabled=False):
        tokens = torch.arange(5 * 8 * 16, device=device).sin().view(5, 8, 16).bfloat16().requires_grad_()
        parts = [part.contiguous() for part in tokens.split([4, 2, 2], dim=1)]  # (5, 4, 16), (5, 2, 16) twice
        try:
            ends, longest = laid.ends, laid.longest
            found = kernel(*parts, ends, ends, longest, longest, scale=0.3, window_size=(1, 0), enable_gqa=True)
            ours = torch.autograd.grad(found.float().square().sum(), tokens)[0]  # (5, 8, 16)
        except (RuntimeError, TypeError, ValueError):
            return False
        query, key, value = (part.float().transpose(0, 1)[None] for part in parts)  # (1, H or K, 5, 16)
        key, value = (x.repeat_interleave(2, dim=1) for x in (key, value))  # (1, H, 5, 16)
        expected = attention_in_rows(query, key, value, Band(1, 0), 0.3, 0.0, laid)[0]  # (5, 4, 16)
        theirs = torch.autograd.grad(expected.square().sum(), tokens)[0]  # (5, 8, 16)
    return all(
        bool((mine.float() - yours.float()).norm() < CLOSE * yours.float().norm())
        for mine, yours in ((found, expected), (ours, theirs))
    )


def _fits(width: int) -> bool:
    """Whether the kernel supports heads of this width; some GPUs have no backward pass for 193 to 224."""
    return width % 8 == 0 and (width <= 192 or 224 < width <= 256)


def _window(band: Band, longest: int) -> tuple[int, int]:
    """Tokens seen before and after, -1 for all of them."""
    left, right = (-1 if reach >= longest - 1 else reach for reach in (band.left, band.right))
    return left, right
