"""The processes (ranks) of one training run: their number, and sums over them."""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor


def ranks() -> int:
    """Number of processes that train together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def sum_over_ranks(values: Tensor, *, gathered: bool) -> Tensor:
    """The sum of each value over all ranks; the values themselves if they already cover all ranks."""
    if gathered or ranks() == 1:
        return values
    total: Tensor = _SumOverRanks.apply(values)
    return total


class _SumOverRanks(torch.autograd.Function):
    """Sum over ranks, whose gradient is summed over ranks too.

    Every rank computes the same loss from the sum, so the vectors of a rank get their single-process gradient times the
    number of ranks; data-parallel training then takes the mean over ranks, which corrects it. A plain all-reduce has no
    backward pass: its value would be right, and the trained gradient too small by the number of ranks.
    """

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        total = values.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        total = grad.contiguous().clone()
        dist.all_reduce(total)
        return total
