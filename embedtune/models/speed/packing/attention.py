"""Attention within each of the texts that lie end to end in one row, as transformers calls it.

On CUDA torch's own kernel for it (`varlen`) or, with dropout or in float32, a few batches of rows (`rows`): neither has
been timed yet. On a CPU texts of equal length are one batch each: views of the row, nothing is copied and nothing
padded. Measured in CPU time of one core for 192 texts of 3 to 128 tokens (mean 31),
12 heads of 32, forward and backward: padded 505 ms; buckets of texts up to 10% shorter than their longest 115 ms, up
to 25% 124 ms, copies included; texts of equal length 101 ms with torch's fused attention and 115 ms as plain batched
products. With 12 heads of 64: 437, 123, 114, 104 and 106 ms. Dropout switches the fused attention to a slow path, so
there plain products are used, and in training in bf16, whose fused backward pass was far slower on a CPU with bf16
products. Forward, in bf16 without such products, fused was 4 to 30 times as fast (8 to 2,048 tokens a text), and it
holds no matrix of all tokens by all tokens, for which long texts have no memory.
"""

import math
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from embedtune.models.speed.dropout import drop
from embedtune.models.speed.packing.band import Band, MaskFunction, band_of
from embedtune.models.speed.packing.laid import current
from embedtune.models.speed.packing.rows import attention_in_rows
from embedtune.models.speed.packing.varlen import varlen_attention

NAME = "embedtune_packed"
PLAIN_UP_TO = 1024
"""Tokens of a text beyond which training in 16 bits takes fused attention on a CPU too: 12 heads of plain products keep
0.1 GiB a layer of this many tokens, and 5 GiB of 8,192."""
REFUSED = ("position_bias", "s_aux", "sinks", "indices", "block_indices", "head_mask", "alibi")
"""What some models hand their attention beside queries, keys and values, and what is not done here."""


def register() -> None:
    """Make transformers know this attention by its name; as often as you like."""
    from transformers import AttentionInterface, AttentionMaskInterface

    AttentionInterface.register(NAME, packed_attention)
    AttentionMaskInterface.register(NAME, packed_mask)


def packed_mask(*, mask_function: MaskFunction, device: torch.device | str = "cpu", **_: Any) -> Band:
    """What transformers hands to attention in place of a mask of all tokens by all tokens."""
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
        module: the layer that calls.
        query: (1, H, T, d).
        key: (1, K, T, d), K dividing H.
        value: (1, K, T, d).
        attention_mask: what `packed_mask` gave.
        dropout: probability that a token is not attended to.
        scaling: multiplies products of queries and keys; 1 / sqrt(d) where None.
        softcap: scores are kept within this by a tanh; None where they are not.
        others: what models pass to all kinds of attention.

    Returns: (1, T, H, d) and no weights.

    Raises:
        ValueError: the model wants more of its attention.
    """
    if not isinstance(attention_mask, Band):
        raise ValueError("it makes a mask of its own")
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
    fused = partial(_fused, band=attention_mask, scaling=scaling)
    plain = partial(_plain, band=attention_mask, scaling=scaling, dropout=dropout, softcap=softcap)
    most = _most_plain(query) if simple else math.inf
    groups = zip(*map(_by_length, (query, key, value)), strict=True)
    outputs = [(plain if q.shape[2] <= most else fused)(q, k, v) for q, k, v in groups]  # of (texts, H, length, d)
    return torch.cat([part.transpose(1, 2).flatten(0, 1) for part in outputs])[None], None


def _most_plain(query: Tensor) -> int:
    """The most tokens of a text for which plain products are the better ones, where fused attention would do."""
    kind = query.device.type
    dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else query.dtype
    return 0 if dtype == torch.float32 or torch.is_inference_mode_enabled() else PLAIN_UP_TO


def _by_length(row: Tensor) -> list[Tensor]:
    """The tokens (1, H, T, d) by length of their texts: (texts, H, length, d), views."""
    groups = current().groups
    # Split, not sliced: backward, every slice would fill a row of all tokens with zeros.
    parts = row[0].transpose(0, 1).split([texts * length for texts, length in groups])  # of (t, H, d)
    return [
        part.unflatten(0, (texts, length)).transpose(1, 2) for part, (texts, length) in zip(parts, groups, strict=True)
    ]


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
