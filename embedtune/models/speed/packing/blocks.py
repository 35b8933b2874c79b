"""Attention of equally long texts in blocks whose scores stay in a core's cache, forward and backward, with dropout.

For a CPU. In bf16, torch's fused attention, made of many products that are too small for such hardware, took a third of
encoding; plain products and a softmax, as in training, pass over all scores in memory again and again, in float32 in
between. Here a block of scores is multiplied, made into weights, dropped and multiplied again before the next one is
begun. What is kept for the backward pass is in the type of the products, so that in bf16 a layer holds less than half.

Bounds: weights are rounded to 8 bits, as every factor of a bf16 product is: vectors are off by 0.5% of their length,
those of fused attention by 0.2%.
"""

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from embedtune.models.speed.dropout import LEVELS, draw, scaled

LN2 = math.log(2)
SPARE = 28
"""Powers of two up to the largest number of a type that are left to sums of scores and to products with them: in bf16,
as in float32, which ends at 2 to the 128th, scores of -100 to 100 need no largest one taken from them."""
BLOCK_BYTES = 512 * 2**10
"""Of scores. CPU time of one core with 1 MiB of cache, 4,096 tokens in texts of 256, forward: 13.7 ms; with 128 KiB
17.6 ms, with 2 MiB 13.0 ms, but dropout needs room for more than the scores."""


def attention_in_blocks(query: Tensor, key: Tensor, value: Tensor, scaling: float, dropout: float = 0.0) -> Tensor:
    """Attention of each token to all tokens of its text, in texts of equal length.

    Args:
        query: (texts, H, length, d), like key and value, in the type of their products.
        key: see query.
        value: see query.
        scaling: multiplies products of queries and keys.
        dropout: probability that a token is not attended to.

    Returns: (texts, H, length, d).
    """
    # One copy each: a product of views would copy every block of them. Powers of two are cheaper than those of e.
    rows = [x.flatten(0, 1).contiguous() for x in (query * (scaling / LN2), key, value)]  # of (texts * H, length, d)
    found: Tensor = _InBlocks.apply(*rows, round(dropout * LEVELS))
    return found.unflatten(0, query.shape[:2])


class _InBlocks(torch.autograd.Function):
    """Of R rows, each a head of a text: (R, length, d) in and out.

    Weights are powers of two, not divided by their sums over a row: the sums divide the (R, length, d) results instead.
    """

    @staticmethod
    def forward(context: Any, query: Tensor, key: Tensor, value: Tensor, dropped: int) -> Tensor:
        rows, length, _ = query.shape
        found = torch.empty_like(value)  # (R, length, d)
        learns = any(context.needs_input_grad)
        held = query.new_empty(rows if learns else _rows(query), length, length)  # (R or b, length, length)
        sums, masks = [], []
        for part in _parts(query):
            powers = held[part] if learns else held[: part.stop - part.start]  # (b, length, length)
            sums.append(_powers(query[part], key[part], powers))
            if dropped:
                masks.append(draw(powers.numel(), dropped).view(powers.shape))
                powers = scaled(powers, masks[-1], LEVELS / (LEVELS - dropped))
            torch.bmm(powers, value[part], out=found[part])
        whole = torch.cat(sums)  # (R, length, 1)
        found /= whole
        if learns:
            context.save_for_backward(query, key, value, held, found, whole, *masks)
            context.dropped = dropped
        return found

    @staticmethod
    @once_differentiable
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        query, key, value, held, found, whole, *masks = context.saved_tensors
        # What the sums add to every power of a row.
        common = ((gradient.to(whole.dtype) * found).sum(-1, keepdim=True) / whole).to(query.dtype)  # (R, length, 1)
        gradient = (gradient / whole).to(query.dtype)  # (R, length, d)
        of_query, of_key, of_value = (torch.empty_like(query) for _ in range(3))  # (R, length, d)
        for number, part in enumerate(_parts(query)):
            powers = held[part]  # (b, length, length)
            used, of_scores = powers, torch.bmm(gradient[part], value[part].mT)  # (b, length, length)
            if masks:
                scale = LEVELS / (LEVELS - context.dropped)
                used, of_scores = (scaled(x, masks[number], scale) for x in (powers, of_scores))
            torch.bmm(used.mT, gradient[part], out=of_value[part])
            of_scores.sub_(common[part]).mul_(powers)
            torch.bmm(of_scores, key[part], out=of_query[part])
            torch.bmm(of_scores.mT, query[part], out=of_key[part])
        return of_query.mul_(LN2), of_key.mul_(LN2), of_value, None


def _powers(query: Tensor, key: Tensor, out: Tensor) -> Tensor:
    """Two to the scores of b rows (b, length, d), into `out` (b, length, length); their sums by row: (b, length, 1)."""
    scores = torch.bmm(query, key.mT, out=out)  # (b, length, length)
    least, most = torch.aminmax(scores)
    if max(-least, most) > math.log2(torch.finfo(scores.dtype).max) - SPARE:
        scores -= scores.amax(-1, keepdim=True)  # rare, and dearer than the powers
    torch.exp2(scores, out=out)
    return out.sum(-1, keepdim=True, dtype=torch.promote_types(out.dtype, torch.float32))


def _rows(query: Tensor) -> int:
    """Rows (R, length, d) in a block; one even if its scores are larger."""
    return min(len(query), max(1, BLOCK_BYTES // (query.shape[1] ** 2 * query.element_size())))


def _parts(query: Tensor) -> Iterator[slice]:
    step = _rows(query)
    return (slice(start, min(start + step, len(query))) for start in range(0, len(query), step))
