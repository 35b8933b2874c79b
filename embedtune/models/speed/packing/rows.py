"""Attention over packed texts in a few padded batches: for devices where many small products would run one by one.

Only for attention, texts are padded to the longest of their bucket, which is at most twice as long as the shortest;
everything else in a layer works on tokens without padding. It supports dropout, windows and any number type.
"""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from embedtune.models.speed.packing.band import Band
from embedtune.models.speed.packing.laid import Laid


def attention_in_rows(
    query: Tensor, key: Tensor, value: Tensor, band: Band, scaling: float, dropout: float, laid: Laid
) -> Tensor:
    """Attention of each token to its own text, with equally many heads (1, H, T, d) in all three: (1, T, H, d)."""
    buckets = list(_buckets(laid))
    tokens = [sum(bucket) for bucket in buckets]
    rows = [x[0].transpose(0, 1).split(tokens) for x in (query, key, value)]  # of (t, H, d)
    parts = [
        _bucket(q, k, v, lengths, band, scaling, dropout)  # (t, H, d)
        for q, k, v, lengths in zip(*rows, buckets, strict=True)
    ]
    return torch.cat(parts)[None]


def _buckets(laid: Laid) -> Iterator[list[int]]:
    """The lengths of neighbouring texts, none less than half as long as another."""
    bucket: list[int] = []
    for texts, length in laid.groups:
        if bucket and 2 * min(length, *bucket) < max(length, *bucket):
            yield bucket
            bucket = []
        bucket += [length] * texts
    yield bucket


def _bucket(
    query: Tensor, key: Tensor, value: Tensor, lengths: list[int], band: Band, scaling: float, dropout: float
) -> Tensor:
    """Attention of tokens (t, H, d) within texts of these lengths: (t, H, d)."""
    texts, longest, device = len(lengths), max(lengths), query.device
    own = torch.arange(longest) < torch.tensor(lengths)[:, None]  # (texts, longest)
    # Computed on the CPU, so that nothing waits for a GPU; MPS might copy memory that was freed already.
    slots, own = (x.to(device, non_blocking=device.type == "cuda") for x in (own.flatten().nonzero().squeeze(1), own))
    q, k, v = (
        x.new_zeros(texts * longest, *x.shape[1:])
        .index_copy(0, slots, x)
        .unflatten(0, (texts, longest))
        .transpose(1, 2)
        for x in (query, key, value)
    )  # (texts, H, longest, d)
    seen = band.mask(longest, device) & own[:, None]  # (texts, longest, longest)
    # Padding sees everything: seeing nothing would give NaN, which would spread in the backward pass.
    seen = (seen | ~own[:, :, None])[:, None]  # (texts, 1, longest, longest)
    found = scaled_dot_product_attention(q, k, v, attn_mask=seen, dropout_p=dropout, scale=scaling)
    return found.transpose(1, 2).flatten(0, 1).index_select(0, slots)
