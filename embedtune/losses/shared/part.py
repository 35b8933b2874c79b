"""Some rows of a batch as a batch of their own: what a loss sees that is meant for these rows only."""

from dataclasses import fields, replace
from typing import Any

import torch
from torch import Tensor

from embedtune.config.graded import ALIKE
from embedtune.losses.shared.base import EmbeddingBatch

WHOLE = ("queue", "queue_ids", "centroids", "token_vectors")
"""Tensors that are not by row."""


def alike(grades: Tensor) -> Tensor:
    """Which rows are pairs that belong together, being similar enough or without a score: bool (B,)."""
    return grades.isnan() | (grades >= ALIKE - 1e-6)


def rows_of(batch: EmbeddingBatch, chosen: Tensor) -> EmbeddingBatch:
    """The batch of the chosen rows (bool (B,)), with all that is known about them."""
    if bool(chosen.all()):
        return batch
    rows = chosen.nonzero()[:, 0]  # (R,)
    taken: dict[str, Any] = {}
    for field in fields(batch):
        value = getattr(batch, field.name)
        if isinstance(value, EmbeddingBatch):
            taken[field.name] = rows_of(value, chosen)
        elif field.name == "known_positive_ids" and value is not None:
            taken[field.name] = _moved(value, chosen)
        elif isinstance(value, Tensor) and field.name not in WHOLE:
            # Not by indexing: its backward adds up gradients in no fixed order on several threads.
            taken[field.name] = value.index_select(1 if field.name == "views" else 0, rows.to(value.device))
    return replace(batch, **taken)


def _moved(known: Tensor, chosen: Tensor) -> Tensor:
    """Pairs (row, id) of the chosen rows, (P, 2) -> (X, 2), with the rows counted among these."""
    chosen = chosen.to(known.device)
    place = chosen.long().cumsum(0) - 1  # (B,)
    own = known[chosen[known[:, 0]]]  # (X, 2)
    return torch.stack([place[own[:, 0]], own[:, 1]], dim=1)
