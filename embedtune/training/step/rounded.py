"""Vectors as an index stores them in few bits, with gradients as if nothing had been rounded (straight-through).

An encoder that sees during training what rounding does to its vectors puts what matters where rounding keeps it.
Roundings are those of `search/quantised`: in 8 bits documents are stored and queries are not; in 1 bit both are signs,
because Hamming search compares bits with bits.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from embedtune.config.systems import StoredAs
from embedtune.losses import EmbeddingBatch
from embedtune.losses.shared.vectors import at_least_float32, real_negatives, unit

_LEVELS = 255  # levels from the smallest to the largest value
_DOCUMENTS = ("positives", "negatives", "queue")
_VECTORS = ("anchors", *_DOCUMENTS, "views")


def rounded(batch: EmbeddingBatch, kind: StoredAs) -> EmbeddingBatch:
    """The batch with the student's vectors as an index gives them back; each keeps its length.

    What a loss compares them with besides each other stays exact: the guide, the teacher, the start and the centroids.
    8 bits of a dimension go from its smallest to its largest value among the documents of the batch and of the queue,
    where an index takes all documents, so they are a little finer here. The largest value, which is on the border of
    two levels, is always in the lower one: which one it is in an index depends on the last bit.

    Source: Bengio et al. 2013, arXiv:1308.3432, the straight-through estimator, without their clipping.
    """
    if kind == "binary":
        return _with(batch, _VECTORS, _signs)
    low, high = _range(_documents(batch))
    return _with(batch, _DOCUMENTS, lambda directions: _levels(directions, low, high))


def _with(batch: EmbeddingBatch, names: Iterable[str], round_: Callable[[Tensor], Tensor]) -> EmbeddingBatch:
    """The batch with directions (..., D) rounded in these fields."""
    given = {name: vectors for name in names if (vectors := getattr(batch, name)) is not None}
    made: dict[str, Any] = {name: straight_through(one, round_(unit(one))) for name, one in given.items()}
    return replace(batch, **made)


def straight_through(vectors: Tensor, directions: Tensor) -> Tensor:
    """The rounded directions (..., D) at the lengths of the vectors, with the gradient of the vectors themselves."""
    exact = at_least_float32(vectors)
    with torch.no_grad():
        target = directions * torch.linalg.vector_norm(exact, dim=-1, keepdim=True)
    return exact + (target - exact).detach()


def _signs(directions: Tensor) -> Tensor:
    """Vectors of length 1 with the signs of these: (..., D)."""
    return torch.where(directions > 0, 1.0, -1.0).to(directions) / directions.shape[-1] ** 0.5


def _documents(batch: EmbeddingBatch) -> Tensor:
    """The documents of the batch, without padding: (C, D)."""
    found = [batch.positives, *([] if batch.queue is None else [batch.queue])]
    if batch.negatives is not None:
        found.append(real_negatives(batch, batch.negatives))
    return torch.cat([at_least_float32(one) for one in found])


@torch.no_grad()
def _range(documents: Tensor) -> tuple[Tensor, Tensor]:
    """The smallest and the largest value of each dimension of unit vectors: (D,), (D,)."""
    directions = unit(documents)
    return directions.min(dim=0).values, directions.max(dim=0).values


def _levels(directions: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """The middle of the level that each component is in: (..., D)."""
    step = (high - low) / _LEVELS  # (D,)
    divisor = torch.where(step == 0, 1.0, step)  # (D,)
    levels = ((directions - low) / divisor).floor().clamp(0, _LEVELS - 1)  # (..., D)
    return low + step * (levels + 0.5)
