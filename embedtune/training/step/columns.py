"""The vectors of a batch by column, of all processes, so that a row is contrasted with the texts of every process.

Every process computes the loss of the full batch. Data-parallel training then averages parameter gradients over the
processes, so the gradient of a process's own vectors is multiplied by their number: the average is then the gradient
that a single process with all rows would have.

Not in `adapter`, which imports the companions: the averaged teacher is one, and encodes as the student does.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from embedtune.distributed import from_all, rank, ranks
from embedtune.errors import ConfigError
from embedtune.models.encode.tokenizer import forward
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


def gather(values: Tensor) -> Tensor:
    """The values (B, ...) of all processes, (sum of B, ...), in the order of ranks; B may differ among them.

    Raises:
        ConfigError: something other than B differs: numbers of negatives or dimensions.
    """
    shapes = [shape.tolist() for shape in from_all(torch.tensor(values.shape))]
    if any(shape[1:] != shapes[0][1:] for shape in shapes):
        listed = " and ".join(str(tuple(shape)) for shape in shapes)
        raise ConfigError(
            f"the batches of the processes differ in shape: {listed}",
            where="training",
            next="give each process the same data, model and recipe",
        )
    result: Tensor = _Gather.apply(values, [shape[0] for shape in shapes])
    return result


class _Gather(torch.autograd.Function):
    """Own values (B, ...) -> those of all processes. Torch's own, deprecated one accepts equal sizes only."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, sizes: list[int]) -> Tensor:
        ctx.sizes = sizes
        missing = max(sizes) - len(values)
        padded = functional.pad(values, (0, 0) * (values.dim() - 1) + (0, missing))
        return torch.cat([part[:size] for part, size in zip(from_all(padded), sizes, strict=True)])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return grad.split(ctx.sizes)[rank()] * len(ctx.sizes), None
