"""The objective of a run: a weighted sum of losses over one batch; each term keeps its name and has its own curve."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from embedtune.config.sections.objective import LossSection
from embedtune.errors import ConfigError
from embedtune.losses import EmbeddingBatch, build_loss
from embedtune.losses.shared.base import Loss
from embedtune.losses.shared.part import alike, rows_of


@dataclass(frozen=True)
class Term:
    """One loss of the sum and its weight.

    Args:
        name: of its curve.
        weight: multiplies its value.
        loss: itself.
        sources: numbers of the data sets that it is for; None: all.
    """

    name: str
    weight: float
    loss: Loss
    sources: frozenset[int] | None = None

    def value(self, batch: EmbeddingBatch) -> Tensor:
        """Its weighted value on the rows that it is for: (); 0, with a gradient of 0, where the batch has none."""
        chosen = self._chosen(batch)
        if chosen is None or bool(chosen.all()):
            return self.weight * self.loss(batch)
        if not bool(chosen.any()):
            self.loss.gauges = {}
            return 0 * (batch.anchors.float().sum() + batch.positives.float().sum())
        return self.weight * self.loss(rows_of(batch, chosen))

    def _chosen(self, batch: EmbeddingBatch) -> Tensor | None:
        """The rows that it is for: bool (B,); None for all.

        A loss that contrasts takes no pair for a positive that people found less than similar.
        """
        chosen = None
        if batch.grades is not None:
            chosen = ~batch.grades.isnan() if self.loss.learns_grades else alike(batch.grades)  # (B,)
        if batch.sources is not None and self.sources is not None:
            numbers = torch.tensor(sorted(self.sources), device=batch.sources.device)
            own = torch.isin(batch.sources, numbers)  # (B,)
            chosen = own if chosen is None else chosen & own
        return chosen


class Objective(nn.Module):
    """Weighted sum of losses on the same vectors.

    Parameters that a loss owns are parameters of this module, so they reach the optimizer with the model's.

    Args:
        terms: at least one; names must differ, because each term logs its own curve.

    Raises:
        ConfigError: two terms have the same name.
    """

    def __init__(self, terms: Sequence[Term]) -> None:
        super().__init__()
        names = [term.name for term in terms]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ConfigError(
                f"the loss {twice[0]!r} is named more than once",
                where="loss",
                next="give each loss once and add up their weights",
            )
        self.terms = tuple(terms)
        self.losses = nn.ModuleDict({term.name: term.loss for term in terms})
        self._measured: dict[str, float] | None = None

    def forward(self, batch: EmbeddingBatch) -> dict[str, Tensor]:
        """Weighted terms by name, each of shape (); their sum is what training minimizes."""
        self._measured = None
        return {term.name: term.value(batch) for term in self.terms}

    def prepare(self, dimensions: int) -> None:
        """Make the heads of the losses for vectors of this size, before the optimizer collects its parameters."""
        for term in self.terms:
            term.loss.prepare(dimensions)

    def step(self) -> None:
        """Let each loss take what it keeps of the last batch."""
        for term in self.terms:
            term.loss.step()

    def gauges(self) -> dict[str, float]:
        """What the losses measured on the last batch, as `loss.gauge` -> value."""
        if self._measured is None:
            gauges = {f"{term.name}.{name}": value for term in self.terms for name, value in term.loss.gauges.items()}
            self._measured = dict(zip(gauges, numbers(list(gauges.values())), strict=True))
        return dict(self._measured)


def numbers(gauges: Sequence[Tensor]) -> list[float]:
    """The values of tensors of shape (), for which the CPU waits once and not for each.

    >>> numbers([torch.tensor(0.5), torch.tensor(2)])
    [0.5, 2.0]
    """
    if not gauges:
        return []
    place = next((one.device for one in gauges if one.device.type != "cpu"), gauges[0].device)
    wide = torch.float64 if any(one.dtype == torch.float64 for one in gauges) else torch.float32
    found: list[float] = torch.stack([one.detach().to(place, wide) for one in gauges]).tolist()
    return found


def build_objective(sections: Sequence[LossSection]) -> Objective:
    """The objective of a recipe's loss list.

    Raises:
        ConfigError: an unknown loss or argument, a value out of its range, or a loss given twice.
    """
    return Objective([Term(one.name, one.weight, build_loss(one.name, **one.args)) for one in sections])


def suited_lr(losses: Iterable[Loss], usual: float, *, static: bool) -> float:
    """The learning rate where the recipe leaves it to us.

    Args:
        losses: of the objective.
        usual: the learning rate that the encoder declares.
        static: whether the encoder is static: some losses, unless combined with others, spoil it at the usual rate.
            Alone, others teach a transformer at a higher rate than suits its tuning.
    """
    terms = list(losses)
    if static:
        return usual * max(loss.static_lr_share for loss in terms)
    return usual * min(loss.transformer_lr_times for loss in terms)
