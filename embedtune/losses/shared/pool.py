"""Sorts all texts of a batch into positives, negatives and neither of each anchor: the source of triplets.

A few rows at a time: there is never a table of all anchors by all texts.
"""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from embedtune.losses.shared.base import EmbeddingBatch
from embedtune.losses.shared.identity import KnownPositives
from embedtune.losses.shared.vectors import real_negatives

# Values of one intermediate: 32 MiB of float32.
PART_VALUES = 2**23
# (a block of rows, the vectors) -> a tensor of the same shape for every block
Part = Callable[..., Tensor]


class Pool:
    """The positives and real negatives of a batch, and which of them are positives or negatives of an anchor."""

    def __init__(self, batch: EmbeddingBatch) -> None:
        self._batch, self._known = batch, KnownPositives(batch)
        self._every = torch.arange(len(batch.anchors), device=batch.anchors.device)  # (B,)
        self.texts, self._rows, self._negative_ids = batch.positives, self._every, None  # (C, D), (C,)
        if batch.negatives is not None:
            rows = self._every[:, None].expand(batch.negatives.shape[:2])  # (B, N)
            self.texts = torch.cat([batch.positives, real_negatives(batch, batch.negatives)])  # (C, D)
            self._rows = torch.cat([self._every, real_negatives(batch, rows)])  # (C,)
            if batch.negative_ids is not None:
                self._negative_ids = real_negatives(batch, batch.negative_ids)  # (C - B,)

    def blocks(self, *, of_pairs: bool = False) -> Iterator[slice]:
        """A few rows at a time, so that a table of rows by texts has at most `PART_VALUES` values.

        Args:
            of_pairs: limit a table of (anchor, positive) pairs by texts instead.
        """
        pairs, labels = 1, self._batch.labels
        if of_pairs and labels is not None and len(labels):
            pairs = int(labels.unique(return_counts=True)[1].max())
        at_once = max(1, PART_VALUES // (pairs * len(self.texts)))
        for start in range(0, len(self._every), at_once):
            yield slice(start, min(start + at_once, len(self._every)))

    def sides(self, rows: slice) -> tuple[Tensor, Tensor]:
        """Which texts are positives and which are negatives of some rows: bool (R, C) each."""
        positive, negative = self._by_row_or_label(rows)
        if self._batch.positive_ids is not None:
            negative[self._known.find(rows, self._batch.positive_ids)] = False
        if self._negative_ids is not None:
            row, column = self._known.find(rows, self._negative_ids)
            negative[row, column + len(self._every)] = False
        return positive, negative

    def _by_row_or_label(self, rows: slice) -> tuple[Tensor, Tensor]:
        batch, size = self._batch, len(self._every)
        given = torch.arange(len(self._rows), device=self._rows.device) >= size  # (C,)
        if batch.labels is None:
            positive = (self._rows == self._every[rows, None]) & ~given  # (R, C)
            return positive, ~positive
        same = batch.labels[rows, None] == batch.labels[self._rows]  # (R, C)
        other = ~self._itself(rows, same)
        # A given negative is of another class than its row, but that class is unknown.
        return same & ~given & other, torch.where(given, same, ~same) & other

    def _itself(self, rows: slice, like: Tensor) -> Tensor:
        """Where a text is the anchor itself: bool (R, C)."""
        batch, itself = self._batch, torch.zeros_like(like)
        equal = (batch.anchors[rows] == batch.positives[rows]).all(dim=1)  # (R,)
        itself[:, rows].diagonal().copy_(equal)
        itself[self._known.repeated(rows)] = True
        return itself


def summed(part: Part, blocks: Iterator[slice], *vectors: Tensor) -> Tensor:
    """The sum of `part` over blocks of rows of the vectors; each is computed again in the backward pass."""
    total: Tensor = _Summed.apply(part, list(blocks), *vectors)
    return total


class _Summed(torch.autograd.Function):
    """Sums blocks. Activation checkpointing of each block would give the same, but the tensors it keeps lie between the
    large temporary ones and fragment the heap of a CPU: twice the memory at 8,192 rows."""

    @staticmethod
    def forward(ctx: Any, part: Part, blocks: list[slice], *vectors: Tensor) -> Tensor:
        ctx.part, ctx.blocks = part, blocks
        ctx.save_for_backward(*vectors)
        return functools.reduce(torch.add, (part(rows, *vectors) for rows in blocks))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        vectors = [one.detach().requires_grad_() for one in ctx.saved_tensors]
        totals = [torch.zeros_like(one) for one in vectors]
        for rows in ctx.blocks:
            with torch.enable_grad():
                value = ctx.part(rows, *vectors)
            for total, of_block in zip(totals, torch.autograd.grad(value, vectors, grad), strict=True):
                total += of_block
        return None, None, *totals
