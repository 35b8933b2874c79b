"""Heads: small networks on the encoder's vectors that belong to a loss, and are not saved with the encoder.

They are ordinary parameters of the loss, created once the number of dimensions is known. Under half precision they
compute in float32, as losses do.
"""

import copy
import itertools
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from embedtune.errors import ConfigError
from embedtune.losses.shared.arguments import Arguments
from embedtune.losses.shared.base import EmbeddingBatch, Loss
from embedtune.losses.shared.vectors import at_least_float32, unit
from embedtune.losses.shared.views import teacher_views

EPSILON = 1e-5
"""Added to variances, as batch normalisation does."""


def standardised(vectors: Tensor) -> Tensor:
    """Vectors (..., B, D) with mean 0 and variance 1 (over B, not B - 1) in each dimension of a batch.

    >>> standardised(torch.tensor([[1.0], [3.0]])).round(decimals=3).tolist()
    [[-1.0], [1.0]]
    """
    centred = vectors - vectors.mean(dim=-2, keepdim=True)
    return centred / (centred.square().mean(dim=-2, keepdim=True) + EPSILON).sqrt()


class Head(nn.Module):
    """Linear layers; between them, standardisation over the batch and ReLU.

    Statistics are always those of the batch, because a head is not used after training.

    Args:
        sizes: dimensions of the input, the hidden layers and the output.
        seed: of the initial weights.
    """

    def __init__(self, sizes: Sequence[int], seed: int) -> None:
        super().__init__()
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        draw = torch.Generator().manual_seed(seed)
        for before, after in itertools.pairwise(sizes):
            bound = before**-0.5
            self.weights.append(nn.Parameter(torch.empty(after, before).uniform_(-bound, bound, generator=draw)))
            self.biases.append(nn.Parameter(torch.zeros(after)))

    def forward(self, vectors: Tensor) -> Tensor:
        """(..., B, sizes[0]) -> (..., B, sizes[-1])."""
        found = at_least_float32(vectors)
        for place, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            if place:
                found = standardised(found).relu()
            found = functional.linear(found, weight.to(found), bias.to(found))
        return found


class Prototypes(nn.Module):
    """K learned directions; vectors are described by their cosines with them.

    Args:
        dimensions: D.
        number: K.
        seed: of the initial directions.
    """

    def __init__(self, dimensions: int, number: int, seed: int) -> None:
        super().__init__()
        draw = torch.Generator().manual_seed(seed)
        self.directions = nn.Parameter(functional.normalize(torch.randn(number, dimensions, generator=draw), dim=1))

    def forward(self, vectors: Tensor) -> Tensor:
        """(..., B, D) -> cosines (..., B, K)."""
        found = unit(vectors)
        return found @ unit(self.directions.to(found)).T


class Headed(Loss):
    """A loss with heads.

    Args:
        check: checks the arguments of the loss.
        projector: width of a projector of two layers before everything else; 0 for none.
        seed: of the heads' initial weights.
    """

    def __init__(self, check: Arguments, *, projector: int, seed: int) -> None:
        super().__init__()
        self.name = check.loss
        self.projector = check.count("projector", projector, at_least=0)
        self.seed = check.count("seed", seed, at_least=0)
        self.heads = nn.ModuleDict()
        self._dimensions: int | None = None

    def prepare(self, dimensions: int) -> None:
        """Create the heads for vectors of D dimensions.

        Raises:
            ConfigError: they were created for another number of dimensions.
        """
        if self._dimensions is None:
            self._dimensions = dimensions
            if self.projector:
                self.heads["projector"] = Head([dimensions, self.projector, self.projector], self.seed)
            self.heads.update(self.make_heads(self.projector or dimensions))
        if self.heads and self._dimensions != dimensions:
            raise ConfigError(
                f"the heads of {self.name} are for vectors of {self._dimensions} dimensions, not {dimensions}",
                where=f"loss {self.name}",
                next="train it on full vectors: leave matryoshka out",
            )

    @property
    def has_heads(self) -> bool:
        """Whether heads were created."""
        return len(self.heads) > 0

    def make_heads(self, dimensions: int) -> Mapping[str, nn.Module]:
        """The loss's own heads, for vectors (..., B, D) after the projector, if any."""
        return {}

    def projected(self, vectors: Tensor) -> Tensor:
        """Vectors (..., B, D) after the projector, if any."""
        return self.heads["projector"](vectors) if self.projector else at_least_float32(vectors)


class Averaging(Headed):
    """A loss whose averaged teacher has heads too: exponential moving averages (EMA) of the student's."""

    companions = ("averaged",)

    def prepare(self, dimensions: int) -> None:
        """Create the heads, and copies of those that the teacher has too."""
        first = self._dimensions is None
        super().prepare(dimensions)
        if first:
            self.teacher_heads = nn.ModuleDict(
                {name: copy.deepcopy(self.heads[name]).requires_grad_(False) for name in self.shared_heads()}
            )

    def shared_heads(self) -> tuple[str, ...]:
        """Names of the heads that the teacher has too."""
        return ("projector",) if self.projector else ()

    def targets(self, batch: EmbeddingBatch) -> Tensor:
        """The averaged teacher's vectors of the two full views after its own heads, without gradient: (2, B, D or K).

        Raises:
            ConfigError: the batch has none.
        """
        found = at_least_float32(teacher_views(batch))  # (2, B, D)
        with torch.no_grad():
            for head in self.teacher_heads.values():
                found = head(found)
        return found

    def averaged(self) -> tuple[tuple[nn.Module, nn.Module], ...]:
        """The student's shared heads with the teacher's."""
        return tuple((self.heads[name], head) for name, head in self.teacher_heads.items())
