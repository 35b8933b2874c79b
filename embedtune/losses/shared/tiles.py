"""Log-sum-exp of rows over many candidates, tile by tile, forward and backward.

The matrix of all logits never exists. Each tile gives its softmax and its log-sum-exp; those of a row's tiles are
accumulated one by one, and the backward pass weights each tile's softmax by the tile's share of its row. A small block
keeps the softmax for the backward pass, as plain autograd would; a large one computes its tiles again.
"""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

# Rows and columns of a tile: 16 MiB of float32, large enough for a matrix product at full speed.
TILE = 2048
# A block with at most this many values keeps its softmax: 64 MiB of float32.
KEPT_VALUES = 2**24

# (logits of a tile, its rows, its columns, whether this is the forward pass) -> the logits to sum up
Edit = Callable[[Tensor, slice, slice, bool], Tensor]


def log_sum(queries: Tensor, keys: Tensor, edit: Edit) -> Tensor:
    """Log-sum-exp over the columns of edit(queries @ keys.T): (B,), in O(TILE^2) memory besides the vectors.

    Args:
        queries: (B, D).
        keys: (C, D), at least one.
        edit: adds to the logits of a tile, and must add the same again in the backward pass. It may use the logits, but
            no gradient flows through it.
    """
    result: Tensor = _LogSum.apply(queries, keys, edit)
    return result


def tiles(rows: int, columns: int) -> Iterator[tuple[slice, slice]]:
    """Slices of rows and columns that cover everything once, in row order.

    >>> [(rows.stop, columns.stop) for rows, columns in tiles(2049, 10)]
    [(2048, 10), (2049, 10)]
    """
    for start in range(0, rows, TILE):
        for left in range(0, columns, TILE):
            yield slice(start, min(start + TILE, rows)), slice(left, min(left + TILE, columns))


class _LogSum(torch.autograd.Function):
    """(B, D), (C, D) -> (B,)."""

    @staticmethod
    def forward(ctx: Any, queries: Tensor, keys: Tensor, edit: Edit) -> Tensor:
        total = queries.new_full((len(queries),), -torch.inf)  # (B,)
        keep, kept = len(queries) * len(keys) <= KEPT_VALUES, []
        for rows, columns in tiles(len(queries), len(keys)):
            share, part = _softmax(edit(queries[rows] @ keys[columns].T, rows, columns, True))
            total[rows] = torch.logaddexp(total[rows], part)
            if keep:
                kept += [share, part]
        ctx.edit, ctx.keep = edit, keep
        ctx.save_for_backward(queries, keys, total, *kept)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        queries, keys, total, *kept = ctx.saved_tensors
        of_queries = torch.zeros_like(queries) if ctx.needs_input_grad[0] else None
        of_keys = torch.zeros_like(keys) if ctx.needs_input_grad[1] else None
        for number, (rows, columns) in enumerate(tiles(len(queries), len(keys))):
            if ctx.keep:
                share, part = kept[2 * number : 2 * number + 2]  # (R, C), (R,)
            else:
                share, part = _softmax(ctx.edit(queries[rows] @ keys[columns].T, rows, columns, False))
            weight = (grad[rows] * (part - total[rows]).exp())[:, None]  # (R, 1)
            if of_queries is not None:
                of_queries[rows] += weight * (share @ keys[columns])
            if of_keys is not None:
                of_keys[columns].addmm_(share.T, weight * queries[rows])
        return of_queries, of_keys, None


def _softmax(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Softmax (R, C) and log-sum-exp (R,) of the rows."""
    share = logits.softmax(dim=1)
    # The softmax of the largest logit is 1 / sum(exp(logit - largest)), so the sum need not be computed again.
    return share, logits.amax(dim=1) - share.amax(dim=1).log()
