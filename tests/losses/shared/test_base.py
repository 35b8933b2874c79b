"""What every loss has without saying so: a gauge, and no companions, heads or needs."""

import pytest
import torch

from embedtune.losses import EmbeddingBatch, loss_class, loss_names
from embedtune.losses.shared.base import Loss


class Plain(Loss):
    """Counts nothing."""

    def forward(self, batch: EmbeddingBatch) -> torch.Tensor:
        return batch.anchors.sum()


def test_a_loss_that_counts_nothing_has_the_similarity_of_its_positives():
    loss, eye = Plain(), torch.eye(2, requires_grad=True)
    loss(EmbeddingBatch(anchors=eye, positives=torch.ones(2, 2)))
    assert loss.gauges == {"positive_similarity": pytest.approx(0.5**0.5)}
    loss(EmbeddingBatch(anchors=eye, positives=eye))
    assert loss.gauges["positive_similarity"] == 1 and not loss.gauges["positive_similarity"].requires_grad


def test_companions_are_files_of_training():
    from pkgutil import iter_modules

    from embedtune.training import companions

    known = {file.name for file in iter_modules(companions.__path__)}
    declared = {companion for name in loss_names() for companion in loss_class(name).companions}
    assert declared == {"averaged", "reference", "clusters", "originals", "teacher"} and declared <= known
    assert not Plain.companions and not Plain().has_heads
