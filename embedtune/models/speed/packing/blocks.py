"""Attention of equally long texts in blocks whose scores stay in a core's cache, forward and backward, with dropout.

For a CPU. In bf16, torch's fused attention, made of many products that are too small for such hardware, took a third of
encoding; plain products and a softmax, as in training, pass over all scores in memory again and again, in float32 in
between. Here a block of scores is multiplied, made into weights, dropped and multiplied again before the next one is
begun. What is kept for the backward pass is in the type of the products, so that in bf16 a layer holds less than half.

CPU time of one core, bf16, 12 heads of 32, 3,000 tokens in texts of 110 and of 256, forward: fused 12.6 and 16.1 ms,
here 10.1 and 10.1 ms with torch's softmax, 6.6 and 9.8 ms with powers of two. The softmax stays in training, where
powers gained nothing and made gradients a fifth less exact.

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
from embedtune.models.speed.text_draws import by_text

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
    learns = dropout > 0 or (torch.is_grad_enabled() and any(x.requires_grad for x in (query, key, value)))
    scaled_query = query * (scaling if learns else scaling / math.log(2))  # once: every product rounds
    # One copy each: a product of views would copy every block of them.
    rows = [x.flatten(0, 1).contiguous() for x in (scaled_query, key, value)]  # of (texts * H, length, d)
    found: Tensor = _InBlocks.apply(*rows, round(dropout * LEVELS)) if learns else _by_powers(*rows)
    return found.unflatten(0, query.shape[:2])


def _by_powers(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Of R rows, each a head of a text, without gradients: (R, length, d) in and out.

    Weights are powers of two, for which the query is divided by the logarithm of two. They are not divided by their
    sums over a row: the sums divide the results, which are fewer.
    """
    found = torch.empty_like(value)  # (R, length, d)
    powers = query.new_empty(_rows(query), query.shape[1], query.shape[1])  # (b, length, length)
    range_of = math.log2(torch.finfo(query.dtype).max) - SPARE
    for part in _parts(query):
        scores = powers[: part.stop - part.start]  # (b, length, length)
        torch.bmm(query[part], key[part].mT, out=scores)
        if max(abs(bound.item()) for bound in torch.aminmax(scores)) > range_of:
            scores -= scores.amax(-1, keepdim=True)  # rare, and dearer than the powers
        torch.exp2(scores, out=scores)
        sums = scores.sum(-1, keepdim=True, dtype=torch.promote_types(scores.dtype, torch.float32))  # (b, length, 1)
        torch.bmm(scores, value[part], out=found[part])
        found[part] /= sums
    return found


class _InBlocks(torch.autograd.Function):
    """Of R rows, each a head of a text: (R, length, d) in and out."""

    @staticmethod
    def forward(context: Any, query: Tensor, key: Tensor, value: Tensor, dropped: int) -> Tensor:
        rows, length, _ = query.shape
        found = torch.empty_like(value)  # (R, length, d)
        held = query.new_empty(rows, length, length)  # (R, length, length)
        masks = []
        # A block may end within a text, whose numbers are drawn all at once.
        whole = draw(held.numel(), dropped).view(held.shape) if dropped and by_text() else None  # (R, length, length)
        for part in _parts(query):
            weights = held[part]  # (b, length, length)
            torch.bmm(query[part], key[part].mT, out=weights)
            torch.softmax(weights, -1, out=weights)
            if dropped:
                masks.append(draw(weights.numel(), dropped).view(weights.shape) if whole is None else whole[part])
                weights = scaled(weights, masks[-1], LEVELS / (LEVELS - dropped))
            torch.bmm(weights, value[part], out=found[part])
        context.save_for_backward(query, key, value, held, *masks)
        context.dropped = dropped
        return found

    @staticmethod
    @once_differentiable
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        query, key, value, held, *masks = context.saved_tensors
        gradient = gradient.to(query.dtype).contiguous()  # (R, length, d)
        of_query, of_key, of_value = (torch.empty_like(query) for _ in range(3))  # (R, length, d)
        for number, part in enumerate(_parts(query)):
            weights = held[part]  # (b, length, length)
            used, of_weights = weights, torch.bmm(gradient[part], value[part].mT)  # (b, length, length)
            if masks:
                scale = LEVELS / (LEVELS - context.dropped)
                used, of_weights = (scaled(x, masks[number], scale) for x in (weights, of_weights))
            torch.bmm(used.mT, gradient[part], out=of_value[part])
            of_scores = torch._softmax_backward_data(of_weights, weights, -1, weights.dtype)  # (b, length, length)
            torch.bmm(of_scores, key[part], out=of_query[part])
            torch.bmm(of_scores.mT, query[part], out=of_key[part])
        return of_query, of_key, of_value, None


def _rows(query: Tensor) -> int:
    """Rows (R, length, d) in a block; one even if its scores are larger."""
    return min(len(query), max(1, BLOCK_BYTES // (query.shape[1] ** 2 * query.element_size())))


def _parts(query: Tensor) -> Iterator[slice]:
    step = _rows(query)
    return (slice(start, min(start + step, len(query))) for start in range(0, len(query), step))
