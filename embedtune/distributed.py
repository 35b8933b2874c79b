"""What the processes of one training run share: how many there are, and sums over all of them."""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor


def ranks() -> int:
    """How many processes train together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def over_ranks(values: Tensor, *, gathered: bool) -> Tensor:
    """The sum of each value over all ranks; the values themselves when they are of all ranks already."""
    if gathered or ranks() == 1:
        return values
    total: Tensor = _SumOverRanks.apply(values)
    return total


class _SumOverRanks(torch.autograd.Function):
    """Sum over ranks whose gradient is summed over ranks too.

    Every rank computes the same loss from the sum, so a rank's vectors get the number of ranks times their gradient in
    one process; the mean over ranks that data-parallel training takes brings it back. A plain all-reduce has no
    backward: its value is right and the trained gradient too small by the number of ranks.
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
