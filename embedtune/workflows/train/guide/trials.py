"""Short runs from the same start, which show on dev what is open: the margin, what a teacher is worth, the rate.

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
from embedtune.config.verbs.train import TrainConfig
from embedtune.data.guides.guide_vectors import GuideVectors
from embedtune.data.rows import RetrievalSet
from embedtune.errors import StoppedError
from embedtune.evaluation.tasks.judged_arrays import JudgedSet, as_arrays
from embedtune.findings import counted
from embedtune.models.encode.store import VectorStore
from embedtune.models.encoder import Encoder
from embedtune.training.guide.vectors import GuideTable
from embedtune.training.run.fit import Fit, PreparedFit
from embedtune.training.run.trainer import fit
from embedtune.training.step.matryoshka import recipe_objective
from embedtune.workflows.shared.scoring import SELECTION, Known, read_judged, score
from embedtune.workflows.shared.talk import Silence, Talk
from embedtune.workflows.train.guide.guiding import choose_guide

TRIAL_SHARE, FEWEST_STEPS, MOST_STEPS = 0.1, 12, 60
"""Of a trial of a pretrained encoder. On 2,000 pairs of banking77-pairs, where masking helps, 12 steps of 16 showed it
and 8 did not."""
MOST_UNTRAINED = 300
"""Steps of a trial of an untrained encoder."""
FEWEST_QUERIES = 50
"""Fewer dev queries show nothing."""


@dataclass(frozen=True)
class TrialGround:
    """What the short runs before a run have in common.

    Args:
        plan: the run that they come before.
        dev: what they are scored on; None where there is nothing.
        encoder: where they all start; it is left as it was.
        talk: hears of their progress.
        store: keeps vectors of guides that do not learn.
        vectors: of a guide that was made elsewhere.
        reference: vectors of the encoder before training, for losses that need them.
    """

    plan: PreparedFit
    dev: RetrievalSet | None
    encoder: Encoder
    talk: Talk
    store: VectorStore | None = None
    vectors: GuideVectors | None = None
    reference: GuideTable | None = None

    @property
    def judging_dev(self) -> RetrievalSet | None:
        """The dev queries, where there are enough of them to tell short runs apart."""
        return None if self.dev is None or len(self.dev) < FEWEST_QUERIES else self.dev

    @property
    def steps(self) -> int:
        """Steps of each short run."""
        return trial_steps(self.encoder, self.plan.steps)


def trial_steps(encoder: Encoder, steps: int) -> int:
    """How long a short run before a run of so many steps is.

    >>> from types import SimpleNamespace
    >>> trial_steps(SimpleNamespace(pretrained=True), 200), trial_steps(SimpleNamespace(pretrained=False), 200)
    (20, 100)
    """
    if encoder.pretrained:
        return min(MOST_STEPS, max(math.ceil(TRIAL_SHARE * steps), min(FEWEST_STEPS, math.ceil(steps / 4))))
    return min(MOST_UNTRAINED, math.ceil(steps / 2))


def announce(what: str, count: int, ground: TrialGround) -> None:
    """Say that short runs are going to choose something, and what they cost."""
    steps, whole = ground.steps, ground.plan.steps
    ground.talk.say(
        f"{what} is chosen by {count} short runs of {counted(steps, 'step')}; together they are "
        f"{count * steps / whole:.0%} of the run's {whole:,}"
    )


Tried = TypeVar("Tried")


def trial_scores(recipes: Mapping[Tried, TrainConfig], ground: TrialGround, what: str) -> dict[Tried, np.ndarray]:
    """Dev log-rank scores by query (queries,) after a short run of each recipe.

    Recipes differ in losses, guide and learning rate, which is that of the plan where it is open. `what` says what the
    runs are for.

    Raises:
        ValueError: there are no dev queries.
    """
    if ground.dev is None:
        raise ValueError("short runs are scored on dev queries, and there are none")
    encoder, plan, steps = ground.encoder, ground.plan, ground.steps
    judged = as_arrays(ground.dev)
    known = read_judged(encoder, judged)
    section = plan.section.model_copy(
        update={"max_steps": steps, "epochs": math.ceil(steps / plan.steps_per_epoch), "schedule": "constant"}
    )
    start = {name: value.detach().clone() for name, value in encoder.model.state_dict().items()}
    scores: dict[Tried, np.ndarray] = {}
    with ground.talk.progress(what, total=len(recipes) * steps) as tell:
        for number, (name, tried) in enumerate(recipes.items()):
            own = tried.training.lr
            trial = replace(plan, section=section, lr=plan.lr if own == AUTO else float(own), trial=True)
            guiding = choose_guide(
                tried, trial, None, encoder, talk=Silence(), store=ground.store, vectors=ground.vectors
            )
            run = Fit(
                **vars(trial),
                objective=recipe_objective(tried, encoder.dimensions),
                guide=guiding.table,
                reference=ground.reference,
                callbacks=guiding.callbacks,
                progress=lambda done, of=None, note="", before=number * steps: tell(before + done, None, note),
                warn=ground.talk.warn,
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
