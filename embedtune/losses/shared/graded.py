"""Pairs that people scored for similarity: which rows have a score, and how well similarities keep their order."""

import torch
from torch import Tensor

from embedtune.losses.shared.base import EmbeddingBatch, missing
from embedtune.losses.shared.vectors import at_least_float32, unit


def graded_rows(batch: EmbeddingBatch) -> tuple[Tensor, Tensor]:
    """The rows that have a grade and a weight above 0, and their grades: (R,) row numbers, (R,).

    Raises:
        ConfigError: the batch has no grades.
    """
    if batch.grades is None:
        raise missing("grades of its pairs", "grades=...")
    grades = at_least_float32(batch.grades).detach()  # (B,)
    counted = ~grades.isnan() if batch.weights is None else ~grades.isnan() & (batch.weights > 0)
    rows = counted.nonzero()[:, 0]  # (R,)
    return rows, grades[rows]


def row_weights(batch: EmbeddingBatch, rows: Tensor, like: Tensor) -> Tensor:
    """The weights of these rows (R,), with a mean of 1: equal weights are no weights."""
    if batch.weights is None or not len(rows):
        return torch.ones_like(like)
    weights = batch.weights[rows].to(like.dtype)  # (R,)
    return weights / weights.mean()


def pair_cosines(batch: EmbeddingBatch, rows: Tensor) -> Tensor:
    """Cosine of each of these rows' pairs: (R,)."""
    return (unit(batch.anchors[rows]) * unit(batch.positives[rows])).sum(dim=1)


def order_loss(similarities: Tensor, grades: Tensor, weights: Tensor) -> Tensor:
    """ln(1 + sum of w_i w_j exp(similarity_j - similarity_i) over all i, j with grade_i > grade_j): ().

    In O(R log R) and without a matrix of pairs: in the order of grades, a running log-sum-exp over all lower grades
    stands for every pair that a row is the better one of.

    Args:
        similarities: (R,), already scaled.
        grades: (R,) any scale; equal ones are not compared.
        weights: (R,) above 0.
    """
    nothing = similarities.sum() * 0
    if len(grades) < 2:
        return nothing
    order = torch.argsort(grades, stable=True)  # (R,)
    ordered, logs = similarities[order], weights[order].log()  # (R,), (R,)
    lower = torch.searchsorted(grades[order].contiguous(), grades[order].contiguous())  # (R,) rows of lower grades
    better = lower > 0  # (R,)
    if not better.any():
        return nothing
    running = torch.logcumsumexp(ordered + logs, dim=0)  # (R,)
    terms = running[lower[better] - 1] + (logs - ordered)[better]  # (X,)
    return torch.logaddexp(torch.logsumexp(terms, dim=0), torch.zeros_like(nothing))


@torch.no_grad()
def compared(grades: Tensor) -> Tensor:
    """How many pairs of rows have different grades: ()."""
    ordered = grades.sort().values
    return torch.searchsorted(ordered, ordered).sum()
