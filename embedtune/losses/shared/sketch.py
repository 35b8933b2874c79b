"""Measures how far a set of vectors is from an isotropic Gaussian, along random directions.

Along one direction u, with x = Z u: T(u) = M * integral |phi_M(t) - exp(-t^2/2)|^2 exp(-t^2/2) dt over the whole line,
by the trapezoid rule on knots over [0, t_max], doubled by symmetry (Epps and Pulley 1983).

The sums of cos(t x) and sin(t x) over the knots come from one cosine and one sine by the angle-addition recurrence,
forward and backward, so a direction costs two transcendental functions per vector. A few directions are projected at a
time, and again in the backward pass, so that no projection is kept; plain autograd would keep one per knot.

Under torch.distributed, sums run over the rows of all ranks, unless the batch is already gathered.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from embedtune.distributed import sum_over_ranks
from embedtune.losses.shared.arguments import Arguments
from embedtune.losses.shared.vectors import at_least_float32, normalised

# Values of one intermediate (M, slices of a chunk): 16 MiB in float32.
CHUNK_VALUES = 2**22
SCALES = ("auto", "sqrt_dim", "none")


class Sketch:
    """Directions, scaling and statistic, with the arguments that sigreg and lejepa share and document.

    Raises:
        ConfigError: a value out of its range.
    """

    def __init__(self, check: Arguments, *, slices: int, knots: int, t_max: float, scale: str, seed: int) -> None:
        self.slices = check.count("slices", slices, at_least=1)
        self.knots = check.count("knots", knots, at_least=2)
        self.t_max = check.number("t_max", t_max, above=0)
        self.scale = check.choice("scale", scale, SCALES)
        self.seed = check.count("seed", seed, at_least=0)

    def directions(self, dimensions: int, step: int) -> Tensor:
        """Random unit directions (D, S) for a step, float32 on the CPU: the same on every rank and in a resumed run."""
        # SeedSequence mixes the two: with seed + step, the next seed would draw the same directions one step earlier.
        mixed = np.random.SeedSequence([self.seed, step]).generate_state(1, np.uint64)[0]
        draw = torch.Generator().manual_seed(int(mixed >> np.uint64(1)))
        return torch.nn.functional.normalize(torch.randn(dimensions, self.slices, generator=draw), dim=0)  # (D, S)

    def scale_of(self, embeddings: Tensor, *, gathered: bool) -> Tensor:
        """The factor for embeddings (M, D), so that a normalising model can reach unit variance too: ().

        On the unit sphere projections have a variance of 1 / D, so that without it the statistic could not decrease.
        """
        factor = embeddings.new_full((), math.sqrt(embeddings.shape[-1]))
        one = torch.ones_like(factor)
        if self.scale != "auto":
            return factor if self.scale == "sqrt_dim" else one
        # On all ranks or on none: otherwise part of the embeddings would have another scale.
        other = sum_over_ranks((~normalised(embeddings)).to(factor), gathered=gathered)
        return torch.where(other == 0, factor, one)

    def statistic(self, embeddings: Tensor, along: Tensor, *, gathered: bool) -> Tensor:
        """Mean of T(u) over directions: ().

        Args:
            embeddings: (M, D), not scaled here.
            along: (D, S) directions, normalised here.
            gathered: whether the embeddings are those of all ranks.
        """
        embeddings = at_least_float32(embeddings)
        along = torch.nn.functional.normalize(along.to(embeddings), dim=0)  # (D, S)
        step = self.t_max / (self.knots - 1)
        sums = sum_over_ranks(_KnotSums.apply(embeddings, along, step, self.knots), gathered=gathered)  # (2, T, S)
        count = sum_over_ranks(embeddings.new_full((), float(len(embeddings))), gathered=gathered)
        number = torch.arange(self.knots, dtype=embeddings.dtype, device=embeddings.device)  # (T,)
        target = torch.exp(-(number * step).square() / 2)  # (T,)
        # 2 * step for the symmetric half, and half of that at both ends by the trapezoid rule.
        weights = 2 * step * target * torch.where((number == 0) | (number == self.knots - 1), 0.5, 1.0)
        means = sums / count  # (2, T, S)
        distance = (means[0] - target[:, None]).square() + means[1].square()  # (T, S)
        return (count * torch.mv(distance.T, weights)).mean()


class _KnotSums(torch.autograd.Function):
    """Sums over vectors of cos(k h x) and sin(k h x), k = 0 .. T-1: (M, D), (D, S) -> (2, T, S)."""

    @staticmethod
    def forward(ctx: Any, embeddings: Tensor, along: Tensor, step: float, knots: int) -> Tensor:
        ctx.save_for_backward(embeddings, along)
        ctx.step = step
        sums = embeddings.new_empty(2, knots, along.shape[1])  # (2, T, S)
        for some in _chunks(len(embeddings), along.shape[1]):
            angle = (embeddings @ along[:, some]) * step  # (M, X)
            for k, (cosine, sine) in enumerate(_angles(angle, knots)):
                sums[0, k, some], sums[1, k, some] = cosine.sum(dim=0), sine.sum(dim=0)
        return sums

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        embeddings, along = ctx.saved_tensors
        of_embeddings = torch.zeros_like(embeddings) if ctx.needs_input_grad[0] else None
        of_along = torch.zeros_like(along) if ctx.needs_input_grad[1] else None
        for some in _chunks(len(embeddings), along.shape[1]):
            angle = (embeddings @ along[:, some]) * ctx.step  # (M, X)
            total = torch.zeros_like(angle)  # (M, X)
            for k, (cosine, sine) in enumerate(_angles(angle, grad.shape[1])):
                total += k * ctx.step * (cosine * grad[1, k, some] - sine * grad[0, k, some])
            if of_embeddings is not None:
                of_embeddings.addmm_(total, along[:, some].T)
            if of_along is not None:
                of_along[:, some] = embeddings.T @ total
        return of_embeddings, of_along, None, None


def _chunks(vectors: int, slices: int) -> Iterator[slice]:
    """A few directions at a time, so that an intermediate has at most `CHUNK_VALUES` values."""
    size = max(1, CHUNK_VALUES // max(1, vectors))
    return (slice(start, start + size) for start in range(0, slices, size))


def _angles(angle: Tensor, knots: int) -> Iterator[tuple[Tensor, Tensor]]:
    """(cos, sin) of 0, 1, ..., T-1 times an angle (M, S)."""
    first_cosine, first_sine = angle.cos(), angle.sin()
    cosine, sine = torch.ones_like(angle), torch.zeros_like(angle)
    for _ in range(knots):
        yield cosine, sine
        cosine, sine = cosine * first_cosine - sine * first_sine, sine * first_cosine + cosine * first_sine
