"""The learning rate of a starter: a cautious one for its number of pairs, or a higher one where dev shows that it is.

How fast an untrained encoder may learn from few pairs differs between data sets as nothing else does: of 1,000 pairs,
a tenth of its full rate was best on questions written by hand (nDCG@10 +0.006; at the full rate -0.075), and the full
rate on medical questions (+0.27; at a tenth +0.13) and on welfare services in Korean (+0.065, +0.037). No figure of the
data told them apart; half a run at each rate does, and takes seconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from embedtune.config.verbs.train import TrainConfig
from embedtune.evaluation.metrics import metric_label
from embedtune.losses.shared.base import Loss
from embedtune.models.encoder import Encoder
from embedtune.racing.leaving import standing
from embedtune.workflows.shared.scoring import SELECTION
from embedtune.workflows.train.guide.margin import decided, is_open
from embedtune.workflows.train.guide.trials import TrialGround, announce, trial_scores
from embedtune.workflows.train.preparing.settled import full_rate, two_digits

SHARES = (0.3, 1.0)
"""Of the full rate, tried beside the cautious one."""
FARTHER = 1.5
"""A rate is tried if it is so many times the cautious one."""


@dataclass(frozen=True)
class ChosenRate:
    """What was chosen and why.

    Args:
        lr: the learning rate.
        tried: rate in words -> dev score (`SELECTION`).
        reason: a sentence for the terminal.
    """

    lr: float
    tried: dict[str, float]
    reason: str


def rates_to_try(cautious: float, losses: Sequence[Loss], encoder: Encoder) -> list[float]:
    """Higher rates than the cautious one; none for a pretrained encoder or many pairs.

    >>> from types import SimpleNamespace
    >>> from embedtune.losses import build_loss
    >>> infonce = [build_loss("infonce")]
    >>> starter = SimpleNamespace(has_products=False, pretrained=False, default_lr=0.05)
    >>> [rates_to_try(rate, infonce, starter) for rate in (0.005, 0.02, 0.05)]
    [[0.015, 0.05], [0.05], []]
    """
    if encoder.pretrained or encoder.has_products:
        return []
    rates = [two_digits(share * full_rate(losses, encoder)) for share in SHARES]
    return [rate for rate in rates if rate >= FARTHER * cautious]


def choose_rate(config: TrainConfig, ground: TrialGround, losses: Sequence[Loss]) -> ChosenRate:
    """Train at each rate for half of the run, without a guide where that is open; the encoder is left as it was."""
    recipe, cautious = decided(config, None) if is_open(config) else config, ground.plan.lr
    rates = [cautious, *rates_to_try(cautious, losses, ground.encoder)]
    recipes = {rate: with_rate(recipe, rate) for rate in rates}
    announce("the learning rate", len(recipes), ground)
    return _choice(trial_scores(recipes, ground, "choosing the learning rate"), cautious)


def with_rate(config: TrainConfig, rate: float) -> TrainConfig:
    """The recipe with this learning rate."""
    return config.model_copy(update={"training": config.training.model_copy(update={"lr": rate})})


def can_choose(ground: TrialGround, losses: Sequence[Loss]) -> bool:
    """Whether there are other rates to try, and dev queries enough to tell them apart."""
    return ground.judging_dev is not None and bool(rates_to_try(ground.plan.lr, losses, ground.encoder))


def _choice(scores: dict[float, np.ndarray], cautious: float) -> ChosenRate:
    """The rate that is left when dev (queries,) has spoken: the cautious one unless it is behind."""
    named = {f"{rate:g}": rate for rate in scores}
    winner = standing({f"{rate:g}": own for rate, own in scores.items()}, f"{cautious:g}")
    tried = {f"{rate:g}": round(float(values.mean()), 4) for rate, values in scores.items()}
    listed = ", ".join(f"{name} {value:.3f}" for name, value in tried.items())
    figures = f"{metric_label(SELECTION)} of short runs on dev: {listed}"
    if named[winner] == cautious:
        return ChosenRate(cautious, tried, f"{winner}; none was clearly better ({figures})")
    return ChosenRate(named[winner], tried, f"{winner} was best ({figures})")
