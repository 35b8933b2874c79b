"""Gauges of collapse against slow loops, closed forms and NumPy."""

import math

import numpy as np
import pytest
import torch

from embedtune.losses import EmbeddingBatch, build_loss
from embedtune.training.step.collapse_gauges import (
    PAIRS,
    alignment,
    collapse_gauges,
    effective_rank,
    mean_cosine,
    uniformity,
)


def random(n: int, dimensions: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, dimensions, generator=torch.Generator().manual_seed(seed))


def units(vectors: torch.Tensor) -> np.ndarray:
    rows = vectors.double().numpy()
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.mark.parametrize("shape", [(5, 9), (9, 5), (1, 4), (40, 8)])
def test_each_gauge_agrees_with_a_slow_loop(shape):
    vectors, others = random(*shape), random(*shape, seed=1)
    rows, partners = units(vectors), units(others)
    values = np.linalg.svd(rows, compute_uv=False)
    shares = [value / values.sum() for value in values]
    assert effective_rank(vectors) == pytest.approx(math.exp(-sum(p * math.log(p) for p in shares)), rel=1e-5)
    assert alignment(vectors, others) == pytest.approx(
        sum(((a - b) ** 2).sum() for a, b in zip(rows, partners, strict=True)) / len(rows), rel=1e-5
    )
    pairs = [(i, j) for i in range(len(rows)) for j in range(i)]
    if pairs:
        cosines = [float(rows[i] @ rows[j]) for i, j in pairs]
        assert mean_cosine(vectors) == pytest.approx(sum(cosines) / len(cosines), abs=1e-6)
        potentials = [math.exp(-2 * ((rows[i] - rows[j]) ** 2).sum()) for i, j in pairs]
        assert uniformity(vectors) == pytest.approx(math.log(sum(potentials) / len(potentials)), rel=1e-4)


@pytest.mark.parametrize("rank", [1, 3, 7])
def test_the_effective_rank_counts_orthogonal_directions(rank):
    vectors = torch.eye(8)[torch.arange(5 * rank) % rank] * 3
    assert effective_rank(vectors) == pytest.approx(rank, rel=1e-6)


def test_vectors_of_nothing_have_no_rank_and_no_gauge_is_nan():
    zero = torch.zeros(4, 3)
    assert effective_rank(zero) == 0
    assert all(math.isfinite(value) for value in collapse_gauges(zero, zero).values())
    assert all(math.isfinite(value) for value in collapse_gauges(random(1, 3), random(1, 3)).values())


def test_lengths_do_not_count():
    anchors, positives = random(6, 5), random(6, 5, seed=1)
    scaled = collapse_gauges(anchors * torch.arange(1.0, 7)[:, None], positives * 100)
    assert scaled == pytest.approx(collapse_gauges(anchors, positives), rel=1e-4)


def test_at_most_so_many_rows_are_measured_and_the_sketch_is_that_of_the_loss():
    anchors, positives = random(PAIRS + 5, 6), random(PAIRS + 5, 6, seed=1)
    gauges = collapse_gauges(anchors, positives, step=3)
    assert gauges == collapse_gauges(anchors[:PAIRS], positives[:PAIRS], step=3)
    first = [torch.nn.functional.normalize(one[:PAIRS]) for one in (anchors, positives)]
    sigreg = build_loss("sigreg", slices=64)(EmbeddingBatch(anchors=first[0], positives=first[1], step=3))
    assert gauges["sigreg"] == pytest.approx(float(sigreg), rel=1e-5)
