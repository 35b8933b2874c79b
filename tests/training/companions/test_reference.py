"""The reference looks the start's vectors up by row, negatives included, and keeps nothing in a checkpoint."""

import numpy as np
import torch

from embedtune.losses import EmbeddingBatch
from embedtune.training.batch.row_texts import RowTexts
from embedtune.training.companions.reference import Reference
from embedtune.training.guide.vectors import GuideTable


def test_a_batch_gets_the_starts_vectors_of_its_rows(rows):
    table = GuideTable(RowTexts(rows, 2), frozen=True)
    table.fill(lambda texts, role: np.array([[len(text), role == "query"] for text in texts], dtype=np.float32))
    reference = Reference(table)
    batch = EmbeddingBatch(anchors=torch.zeros(2, 4), positives=torch.zeros(2, 4))
    found = reference.complete(batch, torch.tensor([2, 0])).reference
    assert found.anchors.tolist() == [[len(rows.anchors[2]), 1.0], [len(rows.anchors[0]), 1.0]]
    assert found.positives.tolist() == [[len(rows.positives[2]), 0.0], [len(rows.positives[0]), 0.0]]
    assert found.negatives[1].tolist() == [[len(text), 0.0] for text in rows.negatives[0]]
    assert reference.state() == {} == reference.gauges()
