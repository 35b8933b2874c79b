"""The bridge from sentence-transformers' loss signature: rows looked up by number."""

from dataclasses import replace

import pytest
import torch

from embedtune.config.sections.objective import LossSection
from embedtune.errors import StoppedError
from embedtune.training.batch.curriculum import Curriculum
from embedtune.training.batch.row_table import build_table
from embedtune.training.step.adapter import ObjectiveAdapter
from embedtune.training.step.objective import build_objective


@pytest.mark.parametrize("cached", [False, True])
def test_a_vector_that_is_not_finite_names_its_row(rows, known, cached):
    """Row 2 of the data is the first of the batch; both ways of delivering a batch find it."""

    def model(features):
        return {"sentence_embedding": features["vectors"]}

    rows = replace(rows, places=[f"질문.jsonl:{line}" for line in (1, 2, 3, 4)])
    table = build_table(rows, known, curriculum=Curriculum(rows, 0))
    adapter = ObjectiveAdapter(torch.nn.Identity(), build_objective([LossSection(name="infonce")]), table, None)
    adapter.model.forward = model
    anchors, positives = torch.eye(2, 3), torch.eye(2, 3)
    anchors[0, 0] = torch.nan
    features = [{"vectors": anchors}, {"vectors": positives}]
    labels = torch.tensor([[2, 0, 2], [1, 1, 3]]) if cached else torch.tensor([2, 1])
    with pytest.raises(StoppedError) as stopped:
        adapter(features, labels)
    ids = f"text ids {rows.anchor_ids[2]} and {rows.positive_ids[2]}"
    assert f"vectors of row 2 (질문.jsonl:3, {ids}) are not finite" in stopped.value.message
