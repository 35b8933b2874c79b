"""Unit vectors, roles and weighted means: what the losses do to a batch before and after their own formula."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from embedtune.losses.shared.base import EmbeddingBatch

# Unit length within this is "the model normalises its output".
UNIT_TOLERANCE = 1e-3


def at_least_float32(values: Tensor) -> Tensor:
    """The values in float32, or in float64 if they are so already: no softmax of ours runs in half precision."""
    return values if values.dtype == torch.float64 else values.float()


def unit(vectors: Tensor) -> Tensor:
    """Vectors scaled to length 1 along the last dimension, in float32 or wider.

    A zero vector stays zero: its cosine with everything is 0, and its gradient is that of a vector of length 1
    (dividing by a tiny epsilon instead would multiply the gradient by its inverse).
    """
    result: Tensor = _Unit.apply(at_least_float32(vectors))
    return result


class _Unit(torch.autograd.Function):
    """Division by the length. One formula for the gradient needs half the passes of autograd, and keeps no input."""

    @staticmethod
    def forward(ctx: Any, vectors: Tensor) -> Tensor:
        norms = torch.linalg.vector_norm(vectors, dim=-1, keepdim=True)
        norms = torch.where(norms > 0, norms, 1.0)
        result = vectors / norms
        ctx.save_for_backward(result, norms)
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        result, norms = ctx.saved_tensors
        along = (grad * result).sum(dim=-1, keepdim=True)
        return grad.addcmul(result, along, value=-1).div_(norms)


@torch.no_grad()
def normalised(vectors: Tensor) -> Tensor:
    """Whether a model normalises its output, judged by its output vectors (..., D): bool ()."""
    return ((torch.linalg.vector_norm(at_least_float32(vectors), dim=-1) - 1).abs() <= UNIT_TOLERANCE).all()


def has_negatives(batch: EmbeddingBatch) -> bool:
    """Whether rows may have negatives of their own."""
    return batch.negatives is not None and batch.negatives.shape[1] > 0


def valid_negatives(batch: EmbeddingBatch) -> Tensor:
    """Which of the given negatives are real: bool (B, N)."""
    if batch.negatives is None:
        return torch.zeros(len(batch.anchors), 0, dtype=torch.bool, device=batch.anchors.device)
    if batch.negatives_mask is None:
        return torch.ones(batch.negatives.shape[:2], dtype=torch.bool, device=batch.anchors.device)
    return batch.negatives_mask.to(batch.anchors.device, non_blocking=True)


def real_negatives(batch: EmbeddingBatch, values: Tensor) -> Tensor:
    """Values of all negatives (B, N, ...) -> values of the real ones, without padding: (C, ...)."""
    every = values.flatten(0, 1)  # (B N, ...)
    mask = None if batch.negatives_mask is None else batch.negatives_mask.cpu()  # as with ids: see `KnownPositives`
    if mask is None or mask.all():
        return every
    return every.index_select(0, mask.flatten().nonzero()[:, 0].to(every.device, non_blocking=True))


def padded_negatives(batch: EmbeddingBatch) -> Tensor:
    """The given negatives (B, N, D), with zeros instead of whatever the padding holds."""
    if batch.negatives is None:
        return batch.anchors.new_zeros(len(batch.anchors), 0, batch.anchors.shape[1])
    if batch.negatives_mask is None:
        return batch.negatives
    return torch.where(valid_negatives(batch)[..., None], batch.negatives, 0.0)


def weighted_mean(values: Tensor, weights: Tensor | None, counted: Tensor | None = None) -> Tensor:
    """Weighted mean of one value (or X values) per row; 0, with a gradient of 0, when nothing counts.

    Args:
        values: (B,) or (B, X).
        weights: (B,) or None for equal ones.
        counted: bool of the shape of `values`, False where a value does not count.
    """
    share = torch.ones_like(values) if counted is None else counted.to(values.dtype)
    if weights is not None:
        share = share * weights.to(values.dtype).reshape(-1, *[1] * (values.dim() - 1))
    if counted is not None:
        values = values.masked_fill(~counted, 0.0)
    total = share.sum()
    return (values * share).sum() / torch.where(total != 0, total, 1.0)
