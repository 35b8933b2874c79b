"""Which rows of a batch each term of an objective sees."""

import torch

from embedtune.losses import EmbeddingBatch, build_loss
from embedtune.training.step.objective import Objective, Term

DRAW = torch.Generator().manual_seed(0)
VECTORS = torch.randn(2, 8, 5, generator=DRAW, dtype=torch.float64)
GRADES = torch.tensor([1.0, 0.9, 0.2, torch.nan, 0.0, torch.nan, 0.8, 0.5])
SOURCES = torch.tensor([0, 0, 0, 1, 0, 1, 2, 2])


def batch(rows=None, **more):
    chosen = slice(None) if rows is None else rows
    return EmbeddingBatch(anchors=VECTORS[0][chosen], positives=VECTORS[1][chosen], **more)


def test_contrast_sees_pairs_that_belong_together_and_the_order_sees_those_with_grades():
    objective = Objective([Term("cosent", 1.0, build_loss("cosent")), Term("infonce", 0.5, build_loss("infonce"))])
    found = objective(batch(grades=GRADES))
    graded, alike = [0, 1, 2, 4, 6, 7], [0, 1, 3, 5, 6]
    torch.testing.assert_close(found["cosent"], build_loss("cosent")(batch(graded, grades=GRADES[graded])))
    torch.testing.assert_close(found["infonce"], 0.5 * build_loss("infonce")(batch(alike)))


def test_a_term_of_some_sets_sees_the_rows_of_these_sets():
    term = Term("infonce", 1.0, build_loss("infonce"), frozenset({0, 2}))
    found = Objective([term])(batch(sources=SOURCES))
    torch.testing.assert_close(found["infonce"], build_loss("infonce")(batch([0, 1, 2, 4, 6, 7])))


def test_a_term_without_a_row_is_nothing_with_a_gradient_of_nothing():
    anchors = VECTORS[0].clone().requires_grad_()
    term = Term("infonce", 1.0, build_loss("infonce"), frozenset({9}))
    value = Objective([term])(EmbeddingBatch(anchors=anchors, positives=VECTORS[1], sources=SOURCES))["infonce"]
    value.backward()
    assert value.item() == 0 and not anchors.grad.any()
    assert Objective([term]).gauges() == {}
