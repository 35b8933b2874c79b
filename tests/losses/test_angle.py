"""angle against complex numbers, sentence-transformers' loss, and its bounds."""

import math

import pytest
import torch
from sentence_transformers.sentence_transformer.losses import AnglELoss

from embedtune.losses import EmbeddingBatch, build_loss


def test_agrees_with_complex_numbers_pair_by_pair(make_batch, same_loss):
    batch = make_batch(size=8, seed=4)
    batch.grades[5] = torch.nan

    def similarity(first, second):
        halves = [torch.complex(*torch.cat([one, one.new_zeros(1)]).chunk(2)) for one in (first, second)]
        quotient = (halves[0] * halves[1].conj()).sum() / (first.norm() * second.norm())
        return (quotient.real + quotient.imag).abs()

    def slow(one):
        rows = [i for i in range(8) if not one.grades[i].isnan()]
        mean = sum(one.weights[i] for i in rows) / len(rows)
        found = {i: similarity(one.anchors[i], one.positives[i]) for i in rows}
        apart = [
            3 * (found[j] - found[i]) + torch.log(one.weights[i] * one.weights[j] / mean**2)
            for i in rows
            for j in rows
            if one.grades[i] > one.grades[j]
        ]
        return torch.logsumexp(torch.stack([one.anchors.new_zeros(()), *apart]), dim=0)

    same_loss(build_loss("angle", scale=3.0), slow, batch)


def test_agrees_with_sentence_transformers(with_leaves):
    draw = torch.Generator().manual_seed(5)
    vectors = torch.randn(2, 30, 6, generator=draw, dtype=torch.float64)
    grades = torch.randint(0, 6, (30,), generator=draw) / 5
    ours, leaves = with_leaves(EmbeddingBatch(anchors=vectors[0], positives=vectors[1], grades=grades))
    theirs = vectors.clone().requires_grad_()
    value = build_loss("angle")(ours)
    expected = AnglELoss(torch.nn.Identity()).compute_loss_from_embeddings(list(theirs), grades)
    torch.testing.assert_close(value, expected, rtol=1e-6, atol=1e-6)
    value.backward()
    expected.backward()
    for mine, other in zip(leaves, theirs.grad, strict=True):
        torch.testing.assert_close(mine.grad, other, rtol=1e-5, atol=1e-6)


def test_equal_similarities_cost_the_logarithm_of_the_comparisons():
    same = torch.ones(3, 4)
    batch = EmbeddingBatch(anchors=same, positives=same, grades=torch.tensor([1.0, 0.5, 0.0]))
    assert build_loss("angle")(batch).item() == pytest.approx(math.log(1 + 3))
