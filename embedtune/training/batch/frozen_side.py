"""Batches whose documents do not learn: their vectors are those of the encoder before training.

An index made with these vectors stays valid, and a step costs what its queries cost.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from embedtune.training.batch.row_texts import RowTexts


@dataclass(frozen=True)
class FrozenDocuments:
    """Vectors of the documents of all rows, which do not learn.

    Args:
        texts: of the training rows.
        vectors: (U, D) float32, of the distinct documents.
    """

    texts: RowTexts
    vectors: Tensor

    def columns(self, rows: Tensor, device: torch.device) -> list[Tensor]:
        """The vectors of these rows' (B,) positives and then of each negative: 1+N tensors (B, D)."""
        _, documents = self.texts.of(rows.cpu())  # (B, 1+N)
        return [column.to(device) for column in self.vectors[documents].unbind(dim=1)]
