"""Learning from a teacher's scores in the data, next to the losses of the run: whether, how and how much, by dev.

Two papers (arXiv:2502.19712, arXiv:2505.19274) report that contrast on a user's own pairs often lowers strong encoders,
and that the scores of a cross-encoder help more reliably. Which of the two this data is, short runs from the same start
show, as they do for the margin; without a clear gain nothing is added.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from embedtune.config.sections.objective import LossSection
from embedtune.config.verbs.train import TrainConfig
from embedtune.data.rows import Rows
from embedtune.evaluation.metrics import metric_label
from embedtune.findings import Finding
from embedtune.losses import loss_class
from embedtune.racing.leaving import standing
from embedtune.workflows.shared.choosing.teacher import (
    SHARP,
    few_scores,
    teacher_temperature,
    teaches,
    within_one,
)
from embedtune.workflows.shared.scoring import SELECTION
from embedtune.workflows.train.guide.trials import FEWEST_QUERIES, TrialGround, trial_scores

ALONE = "without the teacher"
WEIGHTS = (0.5, 2.0)
MARGIN_WEIGHT = 5.0
"""Of `margin_mse`: differences of cosines are small, and their squares more so."""


@dataclass(frozen=True)
class TaughtBy:
    """What was chosen and why.

    Args:
        term: the loss to add, as a plain object; None for none.
        tried: what in words -> dev score (`SELECTION`); empty if nothing could be tried.
        reason: a sentence for the report.
    """

    term: Mapping[str, object] | None
    tried: dict[str, float]
    reason: str


def is_untold(config: TrainConfig, rows: Rows) -> bool:
    """Whether the run is to find out: the data has a teacher's scores, and no loss of the recipe uses them."""
    uses = any(loss_class(term.name).needs_teacher for term in config.loss)
    return config.distill == "auto" and not uses and teaches(rows)


def unused_scores(config: TrainConfig, rows: Rows) -> list[Finding]:
    """A note where the run would learn from a teacher, but the data has too few of its scores."""
    uses = any(loss_class(term.name).needs_teacher for term in config.loss)
    found = None if uses or config.distill != "auto" else few_scores(rows)
    return [] if found is None else [found]


def terms_to_try(rows: Rows) -> dict[str, LossSection]:
    """What may be added, by its name in a report: the teacher's order, and its margins where they are small."""
    args = {"teacher_temperature": teacher_temperature(rows)}
    found = {f"distill:{weight:g}": LossSection(name="distill", weight=weight, args=args) for weight in WEIGHTS}
    if within_one(rows):
        found[f"margin_mse:{MARGIN_WEIGHT:g}"] = LossSection(name="margin_mse", weight=MARGIN_WEIGHT)
    return found


def to_scale(config: TrainConfig, rows: Rows) -> TrainConfig:
    """The recipe with each `distill` told how far apart its teacher's scores are, where it is left open.

    Without scores in the data it takes the guide's cosines.
    """
    suited = SHARP if rows.teacher_scores is None else teacher_temperature(rows)

    def scaled(term: LossSection) -> LossSection:
        if term.name != "distill" or "teacher_temperature" in term.args:
            return term
        return term.model_copy(update={"args": {**term.args, "teacher_temperature": suited}})

    return config.model_copy(update={"loss": [scaled(term) for term in config.loss]})


def with_term(config: TrainConfig, term: LossSection | None) -> TrainConfig:
    """The recipe with one more loss."""
    return config if term is None else config.model_copy(update={"loss": [*config.loss, term]})


def choose_teaching(config: TrainConfig, ground: TrialGround) -> TaughtBy:
    """Try each term in a short run next to the recipe's losses; keep the best where dev shows that it helps.

    The encoder is left as it was.
    """
    if ground.judging_dev is None:
        few = f"fewer than {FEWEST_QUERIES} dev queries cannot show whether the teacher's scores help"
        ask = f"--loss {config.loss[0].name} --loss distill:{WEIGHTS[0]:g} learns from them all the same"
        return TaughtBy(None, {}, f"nothing is learned from the teacher, because {few}; {ask}")
    terms = terms_to_try(ground.plan.rows)
    recipes = {ALONE: config} | {name: with_term(config, term) for name, term in terms.items()}
    return _choice(trial_scores(recipes, ground, "choosing how much to learn from the teacher"), terms)


def _choice(scores: Mapping[str, np.ndarray], terms: Mapping[str, LossSection]) -> TaughtBy:
    """The term with the best mean on dev (queries,), where learning without it is behind; see `racing/leaving.py`."""
    tried = {name: round(float(values.mean()), 4) for name, values in scores.items()}
    listed = ", ".join(f"{name} {value:.3f}" for name, value in tried.items())
    figures = f"{metric_label(SELECTION)} of short runs on dev: {listed}"
    winner = standing(scores, ALONE)
    if winner != ALONE:
        return TaughtBy(terms[winner].model_dump(), tried, f"--loss {winner} is added, which was best ({figures})")
    return TaughtBy(None, tried, f"no weight was clearly better than learning without the teacher ({figures})")


def trials_of(config: TrainConfig, rows: Rows) -> int:
    """How many short runs `choose_teaching` will make; 0 where there is nothing to choose."""
    return 1 + len(terms_to_try(rows)) if is_untold(config, rows) else 0
