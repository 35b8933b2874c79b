"""Attention of equally long texts in blocks whose scores stay in a core's cache, forward and backward, with dropout.

For bf16 on a CPU that multiplies it. There torch's fused attention, made of many products that are too small for such
hardware, took a third of encoding; plain products and a softmax pass over all scores in memory again and again, in
float32 while training. Here a block of scores is multiplied, made into weights, dropped and multiplied again before
the next one is begun. Weights are kept for the backward pass in bf16, so that a layer holds less than half of before.

Bounds: weights are rounded to 8 bits, as every factor of a bf16 product is: vectors are off by 0.5% of their length,
those of fused attention by 0.2%.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from embedtune.models.speed.dropout import LEVELS, draw, scaled

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
    # One copy each: a product of views would copy every block of them.
    rows = [x.flatten(0, 1).contiguous() for x in (query * scaling, key, value)]  # of (texts * H, length, d)
    found: Tensor = _InBlocks.apply(*rows, round(dropout * LEVELS))
    return found.unflatten(0, query.shape[:2])


class _InBlocks(torch.autograd.Function):
    """Of R rows, each a head of a text: (R, length, d) in and out."""

    @staticmethod
    def forward(context: Any, query: Tensor, key: Tensor, value: Tensor, dropped: int) -> Tensor:
        rows, length, _ = query.shape
        found = torch.empty_like(value)  # (R, length, d)
        learns = any(context.needs_input_grad)
        held = query.new_empty(rows if learns else _rows(query), length, length)  # (R or b, length, length)
        masks = []
        for part in _parts(query):
            weights = held[part] if learns else held[: part.stop - part.start]  # (b, length, length)
            torch.bmm(query[part], key[part].mT, out=weights)
            torch.softmax(weights, -1, out=weights)
            if dropped:
                masks.append(draw(weights.numel(), dropped).view(weights.shape))
                weights = scaled(weights, masks[-1], LEVELS / (LEVELS - dropped))
            torch.bmm(weights, value[part], out=found[part])
        if learns:
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
