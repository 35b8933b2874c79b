"""Nested dimensions: any objective, computed on the first few components of the vectors as well as on all of them.

Vectors of such a model can be cut to a smaller dimension afterwards and lose little accuracy instead of much. The same
holds for fewer bits per component, where a recipe asks for them (`rounded`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor

from embedtune.config.sections.smaller import MatryoshkaSection
from embedtune.config.systems import StoredAs
from embedtune.config.verbs.train import TrainConfig
from embedtune.errors import ConfigError
from embedtune.losses import EmbeddingBatch
from embedtune.losses.shared.vectors import normalised, unit
from embedtune.training.step.objective import Objective, numbers
from embedtune.training.step.rounded import rounded
from embedtune.training.step.set_terms import set_terms

VECTORS = ("anchors", "positives", "negatives", "views", "queue", "centroids")
"""Fields of a batch that hold the student's vectors."""
OTHERS = ("teacher", "reference")
"""Fields that hold vectors of the averaged teacher and of the start, of the same dimensions."""


class Matryoshka(Objective):
    """An objective on nested dimensions: the weighted sum of its terms over the sizes that vectors are cut to.

    Each size counts once in full, and once more for each way in which its vectors are stored in fewer bits. The guide's
    vectors are never cut. In addition to what the losses measure at the largest size, `gauges()` has the terms of each
    size, before its weight, as `gist@64` and `gist@64/binary`.

    Source: Kusupati et al. 2022, arXiv:2205.13147, equation 1 (a sum, as in sentence-transformers' MatryoshkaLoss).

    Args:
        objective: whose losses and weights these are.
        sizes: dimension -> weight; at least one.
        stored: how vectors are stored in fewer bits -> weight, which multiplies that of the size.
    """

    def __init__(
        self, objective: Objective, sizes: Mapping[int, float], stored: Mapping[StoredAs, float] | None = None
    ) -> None:
        super().__init__(objective.terms)
        # The largest last, in full: a loss keeps the gauges of its last call.
        self._sizes = dict(sorted(sizes.items()))
        self._stored: dict[StoredAs | None, float] = dict((stored or {}).items())
        self._stored[None] = 1.0
        self._curves: dict[str, Tensor] = {}

    def forward(self, batch: EmbeddingBatch) -> dict[str, Tensor]:
        """Weighted terms by name, summed over the sizes and the ways to store them, each of shape ()."""
        self._curves = {}
        total: dict[str, Tensor] = {}
        for label, weight, form in self._forms(batch):
            for name, term in super().forward(form).items():
                self._curves[f"{name}@{label}"] = term.detach()
                total[name] = total.get(name, 0.0) + weight * term
        return total

    def _forms(self, batch: EmbeddingBatch) -> Iterator[tuple[str, float, EmbeddingBatch]]:
        """The batch in each form, with the label of its curves and its weight."""
        for size, weight in self._sizes.items():
            short = cut(batch, size)
            for kind, share in self._stored.items():
                if kind is None:
                    yield str(size), weight * share, short
                else:
                    yield f"{size}/{kind}", weight * share, rounded(short, kind)

    def gauges(self) -> dict[str, float]:
        """What the losses measured on the full vectors of the last batch, and the terms of each size."""
        return super().gauges() | dict(zip(self._curves, numbers(list(self._curves.values())), strict=True))


def cut(batch: EmbeddingBatch, size: int) -> EmbeddingBatch:
    """The batch with the student's vectors cut to their first components, as a model of that size would give them.

    Vectors of a model that normalises are normalised again.
    """
    again = bool(normalised(batch.anchors))

    def first(vectors: Tensor) -> Tensor:
        part = vectors[..., :size]
        return unit(part) if again and size < vectors.shape[-1] else part

    found: dict[str, Any] = {name: first(vectors) for name in VECTORS if (vectors := getattr(batch, name)) is not None}
    found |= {name: cut(other, size) for name in OTHERS if (other := getattr(batch, name)) is not None}
    return replace(batch, **found)


def check_sizes(section: MatryoshkaSection, dimensions: int) -> None:
    """Refuse to cut an encoder's vectors to more dimensions than they have.

    Raises:
        ConfigError: names the first size that is too large.
    """
    larger = [size for size in section.dimensions if size > dimensions]
    if larger:
        raise ConfigError(
            f"vectors of this encoder have {dimensions} dimensions and cannot be cut to {larger[0]}",
            where="matryoshka.dimensions",
            next=f"name dimensions below {dimensions}",
        )


def recipe_objective(config: TrainConfig, dimensions: int) -> Objective:
    """The objective of a recipe, on nested dimensions and on vectors in few bits where it asks for them.

    The encoder's own dimension is always among them, with a weight of 1 unless another one is given: wanting smaller
    vectors as well is not a reason to spoil the full ones.

    Raises:
        ConfigError: a dimension larger than the encoder's; any but its own, or fewer bits, for a loss with heads; a
            loss or an argument that does not exist.
    """
    objective, nested, bits = Objective(set_terms(config.loss, config.data)), config.matryoshka, config.quantize_aware
    objective.prepare(dimensions)
    if not (nested.dimensions or bits.kinds):
        return objective
    _refuse_heads(objective, "matryoshka.dimensions" if nested.dimensions else "quantize_aware.kinds")
    check_sizes(nested, dimensions)
    weights = nested.weights or [1.0] * len(nested.dimensions)
    sizes = {dimensions: 1.0} | dict(zip(nested.dimensions, weights, strict=True))
    return Matryoshka(objective, sizes, bits.weighted)


def _refuse_heads(objective: Objective, asked: str) -> None:
    headed = [term.name for term in objective.terms if term.loss.has_heads]
    if headed:
        key = asked.partition(".")[0]
        raise ConfigError(
            f"the heads of {' and '.join(headed)} are made for full vectors and cannot be trained on "
            f"{'cut' if key == 'matryoshka' else 'rounded'} ones",
            where=asked,
            next=f"leave {key} out, or use losses without heads",
        )
