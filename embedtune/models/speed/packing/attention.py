"""Attention within each of several texts that are end to end in one row, in the form that transformers calls.

On CUDA torch's own kernel for it (`varlen`) or, with dropout or in float32, a few padded batches (`rows`): neither has
been timed yet. On a CPU, texts of equal length form one batch each: views of the row, without copies or padding.

CPU time of one core for 192 texts of 3 to 128 tokens (mean 31), forward and backward, with 12 heads of 32 dimensions
(and of 64): padded 505 ms (437); buckets of texts up to 10% shorter than their longest 115 ms (123), up to 25% 124 ms
(114), copies included; texts of equal length 101 ms (104) with torch's fused attention and 115 ms (106) as plain
batched products. Dropout switches fused attention to a slow path, so products and a softmax are used with dropout, and
also for training in bf16, where the fused backward pass was far slower on a CPU with bf16 products: block by block
(`blocks`) where each token sees its whole text. Forward, in bf16 without such products, fused was 4 to 30 times as fast
(8 to 2,048 tokens per text); with them, blocks take 0.6 of its time. Fused needs no matrix of all tokens by all tokens,
for which long texts would not have the memory.
"""

import math
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from embedtune.models.speed import precision
from embedtune.models.speed.dropout import drop
from embedtune.models.speed.packing.band import Band, MaskFunction, band_of
from embedtune.models.speed.packing.blocks import attention_in_blocks
from embedtune.models.speed.packing.laid import current
from embedtune.models.speed.packing.rows import attention_in_rows
from embedtune.models.speed.packing.varlen import varlen_attention
from embedtune.models.speed.text_draws import only_texts

NAME = "embedtune_packed"
PLAIN_UP_TO = 1024
"""Texts with more tokens use fused attention on a CPU even for training in 16 bits: with 12 heads, plain products keep
0.1 GiB per layer for this many tokens, and 5 GiB for 8,192."""
REFUSED = ("position_bias", "s_aux", "sinks", "indices", "block_indices", "head_mask", "alibi")
"""Arguments that some models pass to attention and that are not supported here."""


def register() -> None:
    """Register this attention with transformers under its name; may be called repeatedly."""
    from transformers import AttentionInterface, AttentionMaskInterface

    AttentionInterface.register(NAME, packed_attention)
    AttentionMaskInterface.register(NAME, packed_mask)


def packed_mask(*, mask_function: MaskFunction, device: torch.device | str = "cpu", **_: Any) -> Band:
    """The band that transformers passes to attention instead of a mask of all tokens by all tokens."""
    laid = current()
    return band_of(mask_function, laid.start_of_longest, laid.longest, torch.device(device))


def packed_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Band,
    dropout: float = 0.0,
    scaling: float | None = None,
    softcap: float | None = None,
    **others: Any,
) -> tuple[Tensor, None]:
    """Attention of each token to its own text.

    Args:
        module: the calling layer.
        query: (1, H, T, d).
        key: (1, K, T, d), K dividing H.
        value: (1, K, T, d).
        attention_mask: from `packed_mask`.
        dropout: probability that a token is not attended to.
        scaling: multiplies products of queries and keys; None: 1 / sqrt(d).
        softcap: limits scores by a tanh; None for no limit.
        others: what models pass to any attention.

    Returns: (1, T, H, d) and no weights.

    Raises:
        ValueError: the model uses attention features that are not supported here.
    """
    if not isinstance(attention_mask, Band):
        raise ValueError("it builds its own attention mask")
    if refused := [name for name in REFUSED if others.get(name) is not None]:
        raise ValueError(f"its attention takes {refused[0]}")
    scaling = query.shape[-1] ** -0.5 if scaling is None else scaling
    simple = dropout == 0 and softcap is None
    found = varlen_attention(query, key, value, attention_mask, scaling, current()) if simple else None
    if found is not None:
        return found, None
    repeats = query.shape[1] // key.shape[1]
    if repeats > 1:
        key, value = (x.repeat_interleave(repeats, dim=1) for x in (key, value))  # (1, H, T, d)
    if query.device.type != "cpu" and softcap is None:
        return attention_in_rows(query, key, value, attention_mask, scaling, dropout, current()), None
    # Of the longest text, so that texts of a batch are not computed in different ways.
    whole = softcap is None and dropout < 1 and attention_mask.sees_all(current().longest)
    blocks = partial(_blocks, scaling=scaling, dropout=dropout)
    fused = partial(_fused, band=attention_mask, scaling=scaling)
    plain = partial(_plain, band=attention_mask, scaling=scaling, dropout=dropout, softcap=softcap)
    shorter = blocks if whole else plain
    most = _most_plain(query, whole) if simple else math.inf
    outputs, first = [], 0  # of (texts, H, length, d)
    for q, k, v in zip(*map(_by_length, (query, key, value)), strict=True):
        with only_texts(slice(first, first + len(q))):
            outputs.append((shorter if q.shape[2] <= most else fused)(q, k, v))
        first += len(q)
    return torch.cat([part.transpose(1, 2).flatten(0, 1) for part in outputs])[None], None


def _most_plain(query: Tensor, whole: bool) -> int:
    """The length of texts up to which products and a softmax are better than fused attention, where both are possible.

    Args:
        query: (1, H, T, d).
        whole: whether each token sees its whole text, so that blocks are possible.
    """
    dtype = _dtype(query)
    if dtype == torch.float32:
        return 0
    in_hardware = query.device.type == "cpu" and dtype == torch.bfloat16 and precision.multiplies_bf16("cpu")
    return 0 if torch.is_inference_mode_enabled() and not (whole and in_hardware) else PLAIN_UP_TO


def _dtype(query: Tensor) -> torch.dtype:
    """The type of products with it."""
    kind = query.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else query.dtype


def _by_length(row: Tensor) -> list[Tensor]:
    """The tokens (1, H, T, d) grouped by length of text: views (texts, H, length, d)."""
    groups = current().groups
    # Split, not sliced: in the backward pass each slice would allocate a row of all tokens, filled with zeros.
    parts = row[0].transpose(0, 1).split([texts * length for texts, length in groups])  # of (t, H, d)
    return [
        part.unflatten(0, (texts, length)).transpose(1, 2) for part, (texts, length) in zip(parts, groups, strict=True)
    ]


def _blocks(query: Tensor, key: Tensor, value: Tensor, scaling: float, dropout: float) -> Tensor:
    """Attention in texts of equal length, each token to all others of its text, in blocks: (texts, H, length, d)."""
    dtype = _dtype(query)
    return attention_in_blocks(query.to(dtype), key.to(dtype), value.to(dtype), scaling, dropout)


def _fused(query: Tensor, key: Tensor, value: Tensor, band: Band, scaling: float) -> Tensor:
    """Attention in texts of equal length by torch's own function: (texts, H, length, d)."""
    length, causal = query.shape[2], False
    mask = None
    if not band.sees_all(length):
        causal = band.is_causal(length)
        mask = None if causal else band.mask(length, query.device)  # (length, length)
    return scaled_dot_product_attention(query, key, value, attn_mask=mask, is_causal=causal, scale=scaling)


def _plain(
    query: Tensor, key: Tensor, value: Tensor, band: Band, scaling: float, dropout: float, softcap: float | None
) -> Tensor:
    """The same as products and a softmax: (texts, H, length, d)."""
    length = query.shape[2]
    scores = (query * scaling) @ key.transpose(2, 3)  # (texts, H, length, length)
    if softcap is not None:
        scores = softcap * torch.tanh(scores / softcap)  # (texts, H, length, length)
    if not band.sees_all(length):
        scores = scores.masked_fill(~band.mask(length, scores.device), -torch.inf)  # (texts, H, length, length)
    weights = drop(scores.softmax(dim=-1, dtype=torch.float32), dropout)  # (texts, H, length, length)
    return weights.to(value.dtype) @ value
