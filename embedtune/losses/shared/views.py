"""What one view predicts of another: the part that simsiam and byol share, and the cross-entropy of swav and dino."""

import torch
from torch import Tensor

from embedtune.losses.shared.vectors import unit, weighted_mean


def agreement(predicted: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """Mean cosine of predictions of one view with the target of each other view: ().

    >>> views = torch.eye(2)[:, None]
    >>> agreement(views, views), agreement(views, views.flip(0))
    (tensor(0.), tensor(1.))

    Args:
        predicted: (V, B, D).
        targets: (W, B, D), of the first W of these views.
        weights: (B,) of the rows, or None.
    """
    cosines = torch.einsum("vbd,wbd->vwb", unit(predicted), unit(targets))  # (V, W, B)
    return over_other_views(cosines, weights)


def cross_entropy(codes: Tensor, logits: Tensor, weights: Tensor | None = None) -> Tensor:
    """Mean cross-entropy, in nats, of the codes of one view with what each other view makes likely: ().

    Args:
        codes: (W, B, K) distributions, of the first W views.
        logits: (V, B, K), already divided by their temperature.
        weights: (B,) of the rows, or None.
    """
    return over_other_views(-torch.einsum("vbk,wbk->vwb", logits.log_softmax(dim=-1), codes), weights)


def over_other_views(values: Tensor, weights: Tensor | None) -> Tensor:
    """Mean of values (V, W, B) over rows and over pairs of different views: ()."""
    other = ~torch.eye(*values.shape[:2], dtype=torch.bool, device=values.device)  # (V, W)
    return weighted_mean(values[other].mean(dim=0), weights)
