"""cosent against a double loop, sentence-transformers' loss and its own promises."""

import math

import pytest
import torch
from sentence_transformers.sentence_transformer.losses import CoSENTLoss

from embedtune.losses import EmbeddingBatch, build_loss


def test_agrees_with_a_double_loop_over_weighted_rows_and_missing_grades(make_batch, same_loss, as_texts):
    batch = make_batch(size=9, seed=1)
    batch.grades[4] = torch.nan
    batch.weights[7] = 0.0

    def slow(one):
        texts = as_texts(one)
        rows = [i for i in range(9) if not one.grades[i].isnan() and one.weights[i] > 0]
        mean = sum(one.weights[i] for i in rows) / len(rows)
        cosine = {i: texts.cosine(one.anchors[i], one.positives[i]) for i in rows}
        total = one.anchors.new_ones(())
        for i in rows:
            for j in rows:
                if one.grades[i] > one.grades[j]:
                    share = one.weights[i] * one.weights[j] / mean**2
                    total = total + share * torch.exp(7 * (cosine[j] - cosine[i]))
        return total.log()

    same_loss(build_loss("cosent", scale=7.0), slow, batch)


def test_agrees_with_sentence_transformers(with_leaves):
    draw = torch.Generator().manual_seed(5)
    vectors = torch.randn(2, 40, 6, generator=draw, dtype=torch.float64)
    grades = torch.randint(0, 6, (40,), generator=draw) / 5
    ours, leaves = with_leaves(EmbeddingBatch(anchors=vectors[0], positives=vectors[1], grades=grades))
    theirs = vectors.clone().requires_grad_()
    value = build_loss("cosent")(ours)
    expected = CoSENTLoss(torch.nn.Identity()).compute_loss_from_embeddings(list(theirs), grades)
    torch.testing.assert_close(value, expected, rtol=1e-6, atol=1e-6)
    value.backward()
    expected.backward()
    for mine, other in zip(leaves, theirs.grad, strict=True):
        torch.testing.assert_close(mine.grad, other, rtol=1e-5, atol=1e-7)


def test_a_batch_of_thousands_needs_no_matrix_and_agrees_with_one():
    draw = torch.Generator().manual_seed(2)
    vectors = torch.randn(2, 3000, 4, generator=draw, dtype=torch.float64)
    grades = torch.rand(3000, generator=draw).mul(20).round()
    cosines = torch.nn.functional.cosine_similarity(*vectors)
    apart = 20 * (cosines[None] - cosines[:, None])[grades[:, None] > grades[None]]
    expected = torch.logsumexp(torch.cat([apart, apart.new_zeros(1)]), dim=0)
    value = build_loss("cosent")(EmbeddingBatch(anchors=vectors[0], positives=vectors[1], grades=grades))
    torch.testing.assert_close(value, expected)


@pytest.mark.parametrize("grades", [[1.0, 1.0, 1.0], [1.0, math.nan, math.nan]])
def test_nothing_to_compare_is_nothing_to_learn(grades):
    vectors = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(0))
    value = build_loss("cosent")(EmbeddingBatch(anchors=vectors[0], positives=vectors[1], grades=torch.tensor(grades)))
    assert value.item() == 0.0


def test_it_counts_its_comparisons():
    loss, same = build_loss("cosent"), torch.ones(4, 2)
    value = loss(EmbeddingBatch(anchors=same, positives=same, grades=torch.tensor([1.0, 0.5, 0.5, 0.0])))
    assert loss.gauges["compared"].item() == 5
    assert value.item() == pytest.approx(math.log(6))
