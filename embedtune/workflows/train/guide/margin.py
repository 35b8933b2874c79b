"""`margin: auto`: whether a guide helps on this data, and at which margin it should mask, judged on the dev split.

No margin is right everywhere. Masking candidates within 0.1 or 0.2 of the positive gains several points where false
negatives are common (questions of one intent), and loses several where questions are similar on purpose (medical
questions made from a pattern). Short runs from the same start show which.

The short runs are one round of a race (`racing/leaving.py`): plain InfoNCE stays unless a paired test says that it is
behind. Where a guide helps, log ranks show it far below the level of that test (banking77-pairs, p <= 0.001 in every
run); above it they were wrong (welfare-ko, p > 0.4, where test fell).

A pretrained encoder guides as it is, so that a few steps with it and without show on dev, by log ranks query by query,
which of them is better at the end (measured; see the benchmarks). An untrained one has to learn first, so its
trials are half as long as the run; each takes seconds.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import torch

from embedtune.config.section import AUTO
from embedtune.config.sections.objective import LossSection
from embedtune.config.verbs.train import TrainConfig
from embedtune.data.guides.guide_vectors import GuideVectors
from embedtune.data.rows import RetrievalSet
from embedtune.errors import StoppedError
from embedtune.evaluation.metrics import metric_label
from embedtune.evaluation.tasks.judged_arrays import JudgedSet, as_arrays
from embedtune.findings import counted
from embedtune.models.encode.store import VectorStore
from embedtune.models.encoder import Encoder
from embedtune.racing.leaving import standing
from embedtune.training.guide.advice import COMMON
from embedtune.training.guide.audit import held_out_pairs
from embedtune.training.guide.vectors import GuideTable
from embedtune.training.run.fit import Fit, PreparedFit
from embedtune.training.run.trainer import fit
from embedtune.training.step.matryoshka import recipe_objective
from embedtune.workflows.shared.scoring import SELECTION, Known, read_judged, score
from embedtune.workflows.shared.talk import Silence, Talk
from embedtune.workflows.train.guide.guiding import choose_guide
from embedtune.workflows.train.recipe_checks import AUTO_MARGIN, guided_term

Margins = tuple[float | None, ...]
"""Candidates; None is plain InfoNCE, without a guide."""


@dataclass(frozen=True)
class Trials:
    """Short runs that choose a margin.

    Args:
        margins: one run each.
        steps: of each.
    """

    margins: Margins
    steps: int


LEARNS_FIRST: Margins = (None, 0.1, 0.2)
KNOWS: Margins = (None, 0.0)
"""For a pretrained encoder, whose similarities are far apart: margins above 0 were not better on any set."""
TRIAL_SHARE, FEWEST_STEPS, MOST_STEPS = 0.1, 12, 60
"""Of a trial of a pretrained encoder. On 2,000 pairs of banking77-pairs, where masking helps, 12 steps of 16 showed it
and 8 did not."""
FEWEST_QUERIES = 50


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


def trials_for(encoder: Encoder, steps: int) -> Trials:
    """What is tried before a run of so many steps.

    >>> from types import SimpleNamespace
    >>> trials_for(SimpleNamespace(pretrained=True), 200)
    Trials(margins=(None, 0.0), steps=20)
    """
    if encoder.pretrained:
        return Trials(
            KNOWS, min(MOST_STEPS, max(math.ceil(TRIAL_SHARE * steps), min(FEWEST_STEPS, math.ceil(steps / 4))))
        )
    return Trials(LEARNS_FIRST, min(300, math.ceil(steps / 2)))


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


def choose_margin(
    config: TrainConfig,
    plan: PreparedFit,
    dev: RetrievalSet | None,
    encoder: Encoder,
    talk: Talk,
    *,
    store: VectorStore | None = None,
    vectors: GuideVectors | None = None,
    reference: GuideTable | None = None,
) -> ChosenMargin:
    """Try each margin in a short run; keep the best, or no guide if none is clearly better than plain InfoNCE.

    Where false negatives are known to be common, it is the other way round: a guide is kept unless plain InfoNCE is
    clearly better.

    The encoder is left as it was. A frozen guide is encoded only once: all trials and the run share its stored vectors.
    """
    if dev is None or len(dev) < FEWEST_QUERIES:
        return ChosenMargin(
            None, {}, f"no guide, because fewer than {FEWEST_QUERIES} dev queries cannot show whether it helps"
        )
    trials = trials_for(encoder, plan.steps)
    recipes = {margin: decided(config, margin) for margin in trials.margins}
    talk.say(
        f"the margin is chosen by {len(recipes)} short runs of {counted(trials.steps, 'step')}; together they are "
        f"{len(recipes) * trials.steps / plan.steps:.0%} of the run's {plan.steps:,}"
    )
    return _choice(
        trial_scores(
            recipes,
            plan,
            as_arrays(dev),
            encoder,
            talk,
            "choosing the margin",
            store=store,
            vectors=vectors,
            reference=reference,
        ),
        common=held_out_pairs(dev, config.training.seed).known_share > COMMON,
    )


Tried = TypeVar("Tried")


def trial_scores(
    recipes: Mapping[Tried, TrainConfig],
    plan: PreparedFit,
    judged: JudgedSet,
    encoder: Encoder,
    talk: Talk,
    what: str,
    *,
    store: VectorStore | None = None,
    vectors: GuideVectors | None = None,
    reference: GuideTable | None = None,
) -> dict[Tried, np.ndarray]:
    """Dev log-rank scores by query (queries,) after a short run of each recipe, all from the encoder as it is.

    Recipes differ in losses, guide and learning rate, which is that of the plan where it is open. The encoder is left
    as it was. `what` says what the runs are for.
    """
    known = read_judged(encoder, judged)
    steps = trials_for(encoder, plan.steps).steps
    section = plan.section.model_copy(
        update={"max_steps": steps, "epochs": math.ceil(steps / plan.steps_per_epoch), "schedule": "constant"}
    )
    start = {name: value.detach().clone() for name, value in encoder.model.state_dict().items()}
    scores: dict[Tried, np.ndarray] = {}
    with talk.progress(what, total=len(recipes) * steps) as tell:
        for number, (name, tried) in enumerate(recipes.items()):
            own = tried.training.lr
            trial = replace(plan, section=section, lr=plan.lr if own == AUTO else float(own), trial=True)
            guiding = choose_guide(tried, trial, None, encoder, talk=Silence(), store=store, vectors=vectors)
            run = Fit(
                **vars(trial),
                objective=recipe_objective(tried, encoder.dimensions),
                guide=guiding.table,
                reference=reference,
                callbacks=guiding.callbacks,
                progress=lambda done, of=None, note="", before=number * steps: tell(before + done, None, note),
                warn=talk.warn,
            )
            scores[name] = _score_of(run, judged, known, encoder)
            with torch.no_grad():
                encoder.model.load_state_dict(start)
    return scores


def _score_of(trial: Fit, judged: JudgedSet, known: Known, encoder: Encoder) -> np.ndarray:
    """Dev log-rank score by query after a short run, (queries,); zeros if the guide masked everything."""
    try:
        fit(encoder, trial)
    except StoppedError:
        return np.zeros(len(judged.query_ids))
    return score(encoder, judged, metrics=(SELECTION,), known=known).per_query[SELECTION]


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
