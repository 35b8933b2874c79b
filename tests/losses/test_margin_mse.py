"""margin_mse against a slow loop and sentence-transformers' formula, and its bounds."""

import pytest
import torch

from embedtune.losses import EmbeddingBatch, build_loss


def test_agrees_with_loops_over_unequal_rows_and_missing_scores(make_batch, same_loss, as_texts):
    batch = make_batch(size=8, seed=3)
    batch.teacher_scores[1, 2] = batch.teacher_scores[4, 0] = torch.nan

    def slow(one):
        texts, terms = as_texts(one), []
        for i, column in texts.negatives:
            wanted = one.teacher_scores[i, 0] - one.teacher_scores[i, 1 + column]
            if wanted.isnan():
                continue
            positive = texts.cosine(one.anchors[i], one.positives[i])
            terms.append((i, (positive - texts.cosine(one.anchors[i], one.negatives[i, column]) - wanted) ** 2))
        return texts.mean(terms)

    same_loss(build_loss("margin_mse"), slow, batch)


def test_it_is_the_published_loss_for_a_model_that_normalises():
    """Hofstätter et al.: the mean squared error of dot-product margins."""
    unit = torch.nn.functional.normalize(torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(0)), dim=2)
    scores = torch.rand(5, 2, generator=torch.Generator().manual_seed(1))
    batch = EmbeddingBatch(anchors=unit[0], positives=unit[1], negatives=unit[2][:, None], teacher_scores=scores)
    margins = (unit[0] * unit[1]).sum(dim=1) - (unit[0] * unit[2]).sum(dim=1)
    expected = torch.nn.functional.mse_loss(margins, scores[:, 0] - scores[:, 1])
    torch.testing.assert_close(build_loss("margin_mse")(batch), expected)


def test_equal_cosines_cost_the_mean_squared_teacher_margin():
    ones = torch.ones(2, 3)
    scores = torch.tensor([[1.0, 0.5], [1.0, 0.0]])
    batch = EmbeddingBatch(anchors=ones, positives=ones, negatives=ones[:, None], teacher_scores=scores)
    loss = build_loss("margin_mse")
    assert loss(batch).item() == pytest.approx((0.25 + 1.0) / 2)
    assert loss.gauges["teacher_margin"].item() == pytest.approx(0.75)
