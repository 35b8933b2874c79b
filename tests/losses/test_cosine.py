"""cosine against a loop, sentence-transformers' loss, and its bounds."""

import pytest
import torch
from sentence_transformers.sentence_transformer.losses import CosineSimilarityLoss

from embedtune.losses import EmbeddingBatch, build_loss


def test_agrees_with_a_loop_over_weighted_rows_and_missing_grades(make_batch, same_loss, as_texts):
    batch = make_batch(size=8, seed=2)
    batch.grades[3] = torch.nan

    def slow(one):
        texts = as_texts(one)
        rows = [i for i in range(8) if not one.grades[i].isnan()]
        errors = [
            (i, (texts.cosine(one.anchors[i], one.positives[i]) - 0.8 * one.grades[i].double()) ** 2) for i in rows
        ]
        return texts.mean(errors)

    same_loss(build_loss("cosine", scale=0.8), slow, batch)


def test_agrees_with_sentence_transformers():
    draw = torch.Generator().manual_seed(5)
    vectors, grades = torch.randn(2, 10, 6, generator=draw), torch.rand(10, generator=draw)
    value = build_loss("cosine")(EmbeddingBatch(anchors=vectors[0], positives=vectors[1], grades=grades))
    theirs = CosineSimilarityLoss(torch.nn.Identity())
    torch.testing.assert_close(value, theirs.compute_loss_from_embeddings(list(vectors), grades))


def test_without_any_similarity_it_costs_the_mean_squared_grade():
    batch = EmbeddingBatch(anchors=torch.eye(2), positives=torch.eye(2).flip(0), grades=torch.tensor([1.0, 0.5]))
    assert build_loss("cosine")(batch).item() == pytest.approx((1 + 0.25) / 2)
