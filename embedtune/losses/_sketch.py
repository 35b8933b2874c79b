"""How far a cloud of vectors is from an isotropic Gaussian, measured along random directions.

Along one direction u, with x = Z u: T(u) = M * integral |phi_M(t) - exp(-t^2/2)|^2 exp(-t^2/2) dt over the whole line,
by the trapezoid rule on knots over [0, t_max], doubled by symmetry (Epps and Pulley 1983).

The sums of cos(t x) and sin(t x) over the knots come from one cosine and one sine by the angle-addition recurrence,
forward and backward, so a direction costs two transcendental functions a vector and keeps one value a vector, where
plain autograd keeps one per knot.
"""

import math
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from embedtune.losses._vectors import normalised, wide

# Values of one intermediate (M, slices of a chunk): 16 MiB in float32.
CHUNK_VALUES = 2**22
SCALES = ("auto", "sqrt_dim", "none")


def directions(dimensions: int, slices: int, seed: int, step: int) -> Tensor:
    """Random unit directions (D, S) float32 of one step, on the CPU: the same on every rank and in a resumed run."""
    # SeedSequence mixes the two numbers; seed + step would give neighbouring seeds the same directions one step later.
    state = int(np.random.SeedSequence([seed, step]).generate_state(1, np.uint64)[0] >> np.uint64(1))
    drawn = torch.randn(dimensions, slices, generator=torch.Generator().manual_seed(state))  # (D, S)
    return torch.nn.functional.normalize(drawn, dim=0)


def spread(embeddings: Tensor, scale: str) -> Tensor:
    """What to multiply embeddings (M, D) with, so that a normalising model can reach unit variance too: ().

    On a unit sphere projections have a variance of 1 / D, and the statistic cannot come down whatever the model does.

    Args:
        embeddings: as they leave the model.
        scale: "none": 1; "sqrt_dim": sqrt(D); "auto": sqrt(D) when all lengths are within 1e-3 of 1, else 1.
    """
    factor = embeddings.new_tensor(math.sqrt(embeddings.shape[-1]))
    if scale == "sqrt_dim":
        return factor
    one = torch.ones_like(factor)
    if scale == "none":
        return one
    return torch.where(normalised(embeddings), factor, one)


def statistic(embeddings: Tensor, along: Tensor, knots: int, t_max: float) -> Tensor:
    """Mean of T(u) over directions, of shape (); over the embeddings of all ranks when there are several.

    Args:
        embeddings: (M, D), taken as they are.
        along: (D, S) directions, brought to length 1 here.
        knots: T, on [0, t_max].
        t_max: end of the integral.
    """
    embeddings = wide(embeddings)
    along = torch.nn.functional.normalize(along.to(embeddings), dim=0)  # (D, S)
    per_chunk = max(1, CHUNK_VALUES // max(1, len(embeddings)))
    step = t_max / (knots - 1)
    chunks = [_KnotSums.apply(embeddings @ some, step, knots) for some in along.split(per_chunk, dim=1)]
    sums = torch.cat(chunks, dim=2)  # (2, T, S)
    count = embeddings.new_tensor(float(len(embeddings)))
    if ranks() > 1:
        sums, count = _SumOverRanks.apply(sums), _SumOverRanks.apply(count)
    t = torch.arange(knots, dtype=embeddings.dtype, device=embeddings.device) * step  # (T,)
    target = torch.exp(-t.square() / 2)  # (T,)
    # 2 * step for the symmetric half, and half of that at both ends by the trapezoid rule.
    weights = 2 * step * target * torch.where((t == 0) | (torch.arange(knots, device=t.device) == knots - 1), 0.5, 1.0)
    means = sums / count  # (2, T, S)
    distance = (means[0] - target[:, None]).square() + means[1].square()  # (T, S)
    return (count * (weights @ distance)).mean()


def ranks() -> int:
    """How many processes train together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


class _KnotSums(torch.autograd.Function):
    """Sums over vectors of cos(k h x) and sin(k h x), k = 0 .. T-1: (M, S) -> (2, T, S)."""

    @staticmethod
    def forward(ctx: Any, projections: Tensor, step: float, knots: int) -> Tensor:
        ctx.save_for_backward(projections)
        ctx.step, ctx.knots = step, knots
        sums = projections.new_empty(2, knots, projections.shape[1])  # (2, T, S)
        for k, (cosine, sine) in enumerate(_angles(projections * step, knots)):
            sums[0, k], sums[1, k] = cosine.sum(dim=0), sine.sum(dim=0)
        return sums

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (projections,) = ctx.saved_tensors
        total = torch.zeros_like(projections)  # (M, S)
        for k, (cosine, sine) in enumerate(_angles(projections * ctx.step, ctx.knots)):
            total += k * ctx.step * (cosine * grad[1, k] - sine * grad[0, k])
        return total, None, None


def _angles(angle: Tensor, knots: int) -> Any:
    """(cos, sin) of 0, 1, ..., T-1 times an angle (M, S)."""
    first_cosine, first_sine = angle.cos(), angle.sin()
    cosine, sine = torch.ones_like(angle), torch.zeros_like(angle)
    for _ in range(knots):
        yield cosine, sine
        cosine, sine = cosine * first_cosine - sine * first_sine, sine * first_cosine + cosine * first_sine


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
