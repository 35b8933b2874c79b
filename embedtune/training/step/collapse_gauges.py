"""Gauges of collapse: whether the encoder still gives different texts different vectors.

All of them take the model's vectors and use only their directions, as a search by cosine does.
"""

import torch
from torch import Tensor

from embedtune.losses import EmbeddingBatch, build_loss
from embedtune.losses.shared.vectors import unit

PAIRS = 128
"""Rows of a batch that are measured. They cost 10 ms on one core, and more would hardly be more accurate."""


@torch.no_grad()
def collapse_gauges(anchors: Tensor, positives: Tensor, *, step: int = 0) -> dict[str, float]:
    """All gauges on the first rows of a batch: alignment on the pairs, the others on all texts together.

    Args:
        anchors: (B, D).
        positives: (B, D).
        step: of training; the directions of `sigreg` are drawn from it.
    """
    anchors, positives = unit(anchors[:PAIRS].detach()), unit(positives[:PAIRS].detach())  # (n, D)
    together = torch.cat([anchors, positives])  # (2n, D)
    sigreg = build_loss("sigreg", slices=64)
    batch = EmbeddingBatch(anchors=anchors, positives=positives, step=step, gathered=True)
    return {
        "effective_rank": effective_rank(together),
        "mean_cosine": mean_cosine(together),
        "alignment": alignment(anchors, positives),
        "uniformity": uniformity(together),
        "sigreg": float(sigreg(batch)),
    }


@torch.no_grad()
def effective_rank(vectors: Tensor) -> float:
    """How many directions vectors (n, D) use: exp of the entropy of their singular values' shares.

    Source: Roy and Vetterli 2007, "The effective rank: a measure of effective dimensionality", definition 1; of unit
    vectors, not centred.
    Bounds: 1 when all vectors are parallel, k for k orthogonal directions of equal weight, at most min(n, D); 0 when
    every vector is 0.

    >>> round(effective_rank(torch.eye(4)), 4), round(effective_rank(torch.ones(4, 3)), 4)
    (4.0, 1.0)
    """
    rows = unit(vectors).double()  # (n, D)
    # Squares of the singular values: they take a fifth of the time of the values themselves.
    gram = rows @ rows.T if len(rows) <= rows.shape[1] else rows.T @ rows  # (m, m)
    values = torch.linalg.eigvalsh(gram).clamp(min=0).sqrt()  # (m,)
    shares = values / values.sum()  # (m,)
    return float(torch.special.entr(shares).sum().exp()) if values.any() else 0.0


@torch.no_grad()
def mean_cosine(vectors: Tensor) -> float:
    """Mean cosine of two different vectors of (n, D).

    Source: the closed form (|sum of unit vectors|^2 - n) / (n (n - 1)), without any pair's own product.
    Bounds: 1 when all are parallel, about 0 for random directions, at least -1 / (n - 1); 0 for a single vector.

    >>> mean_cosine(torch.eye(3)), round(mean_cosine(torch.tensor([[1.0, 0.0], [3.0, 0.0], [0.0, 1.0]])), 4)
    (0.0, 0.3333)
    """
    rows = unit(vectors).double()  # (n, D)
    count = len(rows)
    if count < 2:
        return 0.0
    return float((rows.sum(dim=0).square().sum() - rows.square().sum()) / (count * (count - 1)))


@torch.no_grad()
def alignment(anchors: Tensor, positives: Tensor) -> float:
    """Mean squared distance of the unit vectors of a pair, anchors (n, D) to positives (n, D); less is closer.

    Source: Wang and Isola 2020, arXiv:2005.10242, the alignment loss with alpha = 2.
    Bounds: 0 when each anchor is parallel to its positive, 2 when they are orthogonal, 4 when they are opposite.

    >>> alignment(torch.eye(2), torch.eye(2)), alignment(torch.eye(2), -torch.eye(2))
    (0.0, 4.0)
    """
    return float((unit(anchors) - unit(positives)).square().sum(dim=1).mean())


@torch.no_grad()
def uniformity(vectors: Tensor) -> float:
    """Log of the mean Gaussian potential of two different vectors of (n, D); less is more evenly spread.

    Source: Wang and Isola 2020, arXiv:2005.10242, the uniformity loss with t = 2.
    Bounds: 0 when all are parallel, at least -8; -4 when all are orthogonal; 0 for a single vector.

    >>> uniformity(torch.ones(3, 2)), round(uniformity(torch.eye(3)), 4)
    (0.0, -4.0)
    """
    rows = unit(vectors)  # (n, D)
    count = len(rows)
    if count < 2:
        return 0.0
    squared = torch.pdist(rows).square()  # (n (n - 1) / 2,)
    return float(torch.exp(-2 * squared).mean().log())
