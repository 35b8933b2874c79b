"""The views of a batch, and how well one predicts another: what the losses on views share."""

import torch
from torch import Tensor

from embedtune.losses.shared.base import EmbeddingBatch, missing
from embedtune.losses.shared.vectors import unit, weighted_mean


def student_views(batch: EmbeddingBatch) -> Tensor:
    """The student's vectors of all views, the two full ones first: (V, B, D)."""
    whole = torch.stack([batch.anchors, batch.positives])  # (2, B, D)
    return whole if batch.views is None else torch.cat([whole, batch.views])


def teacher_views(batch: EmbeddingBatch) -> Tensor:
    """The averaged teacher's vectors of the two full views, without gradient: (2, B, D).

    Raises:
        ConfigError: the batch has none.
    """
    if batch.teacher is None:
        raise missing("an averaged teacher's vectors", "teacher=EmbeddingBatch(anchors=..., positives=...)")
    return torch.stack([batch.teacher.anchors, batch.teacher.positives]).detach()  # (2, B, D)


def agreement(predicted: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """Mean cosine between predictions from one view and the targets of each other view: ().

    >>> views = torch.eye(2)[:, None]
    >>> agreement(views, views), agreement(views, views.flip(0))
    (tensor(0.), tensor(1.))

    Args:
        predicted: (V, B, D).
        targets: (W, B, D), of the first W of these views.
        weights: (B,) or None.
    """
    cosines = torch.einsum("vbd,wbd->vwb", unit(predicted), unit(targets))  # (V, W, B)
    return over_other_views(cosines, weights)


def code_cross_entropy(codes: Tensor, logits: Tensor, weights: Tensor | None = None) -> Tensor:
    """Mean cross-entropy, in nats, between the codes of one view and the predictions of each other view: ().

    Args:
        codes: (W, B, K) distributions, of the first W views.
        logits: (V, B, K), already divided by their temperature.
        weights: (B,) of the rows, or None.
    """
    return over_other_views(-torch.einsum("vbk,wbk->vwb", logits.log_softmax(dim=-1), codes), weights)


def over_other_views(values: Tensor, weights: Tensor | None) -> Tensor:
    """Mean of values (V, W, B) over rows and over pairs of different views: ()."""
    other = (~torch.eye(*values.shape[:2], dtype=torch.bool)).flatten().nonzero()[:, 0]  # (X,) found on the CPU
    pairs = values.flatten(0, 1).index_select(0, other.to(values.device, non_blocking=True))  # (X, B)
    return weighted_mean(pairs.mean(dim=0), weights)
