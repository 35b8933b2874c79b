"""`margin: auto`: whether a guide helps on this data, and at which margin it should mask, judged on the dev split.

No margin is right everywhere. Masking candidates within 0.1 or 0.2 of the positive gains several points where false
negatives are common (questions of one intent), and loses several where questions are similar on purpose (medical
questions made from a pattern). Short runs from the same start show which.

The short runs are one round of a race (`racing/leaving.py`): plain InfoNCE stays unless a paired test says that it is
behind. Where a guide helps, log ranks show it far below the level of that test (banking77-pairs, p <= 0.001 in every
run); above it they were wrong (welfare-ko, p > 0.4, where test fell).
"""

from dataclasses import dataclass

import numpy as np

from embedtune.config.sections.objective import LossSection
from embedtune.config.verbs.train import TrainConfig
from embedtune.evaluation.metrics import metric_label
from embedtune.models.encoder import Encoder
from embedtune.racing.leaving import standing
from embedtune.training.guide.advice import COMMON
from embedtune.training.guide.audit import held_out_pairs
from embedtune.workflows.shared.scoring import SELECTION
from embedtune.workflows.train.guide.trials import FEWEST_QUERIES, TrialGround, announce, trial_scores
from embedtune.workflows.train.recipe_checks import AUTO_MARGIN, guided_term

Margins = tuple[float | None, ...]
"""Candidates; None is plain InfoNCE, without a guide."""


LEARNS_FIRST: Margins = (None, 0.1, 0.2)
KNOWS: Margins = (None, 0.0)
"""For a pretrained encoder, whose similarities are far apart: margins above 0 were not better on any set."""


@dataclass(frozen=True)
class ChosenMargin:
    """What was chosen and why.

    Args:
        margin: None for no guide.
        tried: margin in words -> dev score (`SELECTION`); empty if nothing could be tried.
        reason: a sentence for the report.
    """

    margin: float | None
    tried: dict[str, float]
    reason: str


def is_open(config: TrainConfig) -> bool:
    """Whether the run chooses its margin: it is `auto`, or not given and the guide is `self`."""
    place = guided_term(config)
    if place is None or config.guide.name == "none":
        return False
    asked = config.loss[place].args.get("margin")
    return asked == AUTO_MARGIN or (asked is None and config.guide.name == "self")


def margins_for(encoder: Encoder) -> Margins:
    """What is tried, in a run each.

    >>> from types import SimpleNamespace
    >>> margins_for(SimpleNamespace(pretrained=True))
    (None, 0.0)
    """
    return KNOWS if encoder.pretrained else LEARNS_FIRST


def decided(config: TrainConfig, margin: float | None) -> TrainConfig:
    """The recipe with this margin; without a guide if it is None."""
    place = guided_term(config)
    if place is None:
        return config
    terms = list(config.loss)
    args = {name: value for name, value in terms[place].args.items() if name != "margin"}
    if margin is not None:
        args["margin"] = margin
    terms[place] = LossSection(name=terms[place].name, weight=terms[place].weight, args=args)
    guide = config.guide if margin is not None else config.guide.model_copy(update={"name": "none"})
    return config.model_copy(update={"loss": terms, "guide": guide})


def choose_margin(config: TrainConfig, ground: TrialGround) -> ChosenMargin:
    """Try each margin in a short run; keep the best, or no guide if none is clearly better than plain InfoNCE.

    Where false negatives are known to be common, it is the other way round: a guide is kept unless plain InfoNCE is
    clearly better.

    The encoder is left as it was. A frozen guide is encoded only once: all trials and the run share its stored vectors.
    """
    dev = ground.judging_dev
    if dev is None:
        return ChosenMargin(
            None, {}, f"no guide, because fewer than {FEWEST_QUERIES} dev queries cannot show whether it helps"
        )
    recipes = {margin: decided(config, margin) for margin in margins_for(ground.encoder)}
    announce("the margin", len(recipes), ground)
    common = held_out_pairs(dev, config.training.seed).known_share > COMMON
    return _choice(trial_scores(recipes, ground, "choosing the margin"), common=common)


def _choice(scores: dict[float | None, np.ndarray], *, common: bool) -> ChosenMargin:
    best = max((margin for margin in scores if margin is not None), key=lambda margin: scores[margin].mean())
    named = {_words(margin): margin for margin in scores}
    winner = standing({_words(margin): own for margin, own in scores.items()}, _words(best if common else None))
    tried = {_words(margin): round(float(values.mean()), 4) for margin, values in scores.items()}
    listed = ", ".join(f"{words} {value:.3f}" for words, value in tried.items())
    reason = f"{winner} was best"
    if named[winner] is None:
        reason = "no margin was clearly better than no guide"
    elif common:
        reason = f"false negatives are common in these pairs, and no guide was not clearly better than {winner}"
    return ChosenMargin(named[winner], tried, f"{reason} ({metric_label(SELECTION)} of short runs on dev: {listed})")


def _words(margin: float | None) -> str:
    return "no guide" if margin is None else f"margin {margin:g}"
