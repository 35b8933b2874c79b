"""The vectors of a batch by column, of all processes.

Not in `adapter`, which imports the companions: the averaged teacher is one, and encodes as the student does.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from embedtune.distributed import ranks
from embedtune.models.encode.tokenizer import forward
from embedtune.training.step.gather import gather
from embedtune.training.step.gradcache import encode_micro_batches


def row_numbers(labels: Tensor) -> Tensor:
    """The row numbers (B,) in the labels that the collator made."""
    return labels if labels.dim() == 1 else labels[:, 0]


def encode_columns(
    model: nn.Module, features: Sequence[dict[str, Tensor]], labels: Tensor, kept: int | None = None
) -> list[Tensor]:
    """The vectors by column, each (B, D), from features by column or by micro-batch."""
    if labels.dim() == 1:
        return [forward(model, column) for column in features]
    return encode_micro_batches(model, features, labels[:, 1:], kept)


def gathered(rows: Tensor, vectors: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
    """Row numbers (B,) and vectors by column, each (B, D), of all processes."""
    if ranks() == 1:
        return rows, vectors
    return gather(rows), list(gather(torch.stack(vectors, dim=1)).unbind(dim=1))
