"""How one tensor of several models becomes one: along a line, along an arc, or by adding what was learned.

In float64 and rounded once, so that the order of models changes nothing that can be seen. sentence-transformers' own
`merging` was not used: it needs mergekit, holds all models in memory, and copies a model for each alpha.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Formula = Callable[[Tensor, Sequence[Tensor], Sequence[float], float], Tensor]
"""The first model's tensor, the others', a weight for each other and alpha -> the mixed tensor, all float64."""
NEARLY_PARALLEL = 1e-6
"""Below this sine, the arc is a line as far as float32 can tell, and dividing by it would only add noise."""


def linear(first: Tensor, others: Sequence[Tensor], weights: Sequence[float], alpha: float) -> Tensor:
    """(1 - alpha) first + alpha mean(others), the mean by weight.

    Source: Wortsman et al. 2022, arXiv:2203.05482 (model soups) and arXiv:2109.01903 (WiSE-FT, first = the pretrained
    model). Bounds: first at alpha 0, the mean of the others at 1.
    """
    return (1 - alpha) * first + alpha * _mean(others, weights)


def slerp(first: Tensor, others: Sequence[Tensor], weights: Sequence[float], alpha: float) -> Tensor:
    """From first to mean(others) along the great circle through both, taken as long vectors.

    Source: Shoemake 1985; lengths are mixed too, as the formula does with vectors that are not of length 1. Tensors
    that are parallel or zero are mixed along the line. Bounds: first at alpha 0, the mean of the others at 1.
    """
    second = _mean(others, weights)
    lengths = first.norm() * second.norm()
    cosine = float((first * second).sum() / lengths) if lengths > 0 else 1.0
    angle = torch.tensor(min(1.0, max(-1.0, cosine)), dtype=torch.float64).arccos()
    if angle.sin() < NEARLY_PARALLEL:
        return linear(first, [second], [1.0], alpha)
    return (((1 - alpha) * angle).sin() * first + (alpha * angle).sin() * second) / angle.sin()


def task(first: Tensor, others: Sequence[Tensor], weights: Sequence[float], alpha: float) -> Tensor:
    """First + alpha * sum of weight * (other - first): what each model learned since the first is added up.

    Source: Ilharco et al. 2023, arXiv:2212.04089. With one other model of weight 1 it equals `linear`.
    """
    learned = sum((weight * (other - first) for weight, other in zip(weights, others, strict=True)), 0 * first)
    return first + alpha * learned


FORMULAS: dict[str, Formula] = {"linear": linear, "slerp": slerp, "task": task}


def mixed(method: str, first: Tensor, others: Sequence[Tensor], weights: Sequence[float], alpha: float) -> Tensor:
    """One tensor of the mixed model, in the type of the first; whole numbers, such as positions, are the first's."""
    if not first.is_floating_point():
        return first
    doubles = [other.double() for other in others]
    return FORMULAS[method](first.double(), doubles, weights, alpha).to(first.dtype)


def _mean(others: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    total = sum(weights)
    return sum((weight / total * other for weight, other in zip(weights, others, strict=True)), 0 * others[0])
