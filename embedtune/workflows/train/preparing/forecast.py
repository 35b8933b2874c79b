"""How long a run will take, said before it starts: from a few training steps on its own texts, in its own precision.

It counts the steps, the dev evaluations, the guide and the trials of a margin; not the two measurements of the test
split, of which the first is over by then.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from embedtune.models.encoder import Encoder
from embedtune.models.speed.embeddings import frozen_embeddings
from embedtune.models.speed.frozen_layers import frozen_layers
from embedtune.models.speed.precision import multiplying
from embedtune.models.speed.probe import FORWARD, probe
from embedtune.training.batch.row_texts import KnownTexts
from embedtune.training.run.fit import PreparedFit

TOKENS = 512
"""About as many are trained on to measure: enough for matrix products to be as fast as in a step."""


@dataclass(frozen=True)
class Work:
    """What a run is going to do besides its steps, in tokens that are encoded.

    Args:
        dev: of one dev evaluation.
        evaluations: how many there are, that of the start included.
        guide: of the guide's texts.
        trials: steps of trial runs, with an evaluation after each of them.
        arms: how many trial runs there are.
    """

    dev: int = 0
    evaluations: int = 0
    guide: int = 0
    trials: int = 0
    arms: int = 0


def seconds(encoder: Encoder, plan: PreparedFit, texts: KnownTexts, tokens: float, work: Work) -> float:
    """Estimated seconds from now to the end of training.

    Args:
        encoder: a copy of it is trained for a moment.
        plan: the run.
        texts: its texts.
        tokens: of a step.
        work: what else there is to do.
    """
    documents = texts.texts.documents
    few = max(2, min(len(documents), round(TOKENS / max(1.0, float(np.median(texts.documents.lengths))))))
    some = [documents[place] for place in np.linspace(0, len(documents) - 1, few).astype(int)]
    with torch.random.fork_rng(devices=[]), multiplying(plan.precision, plan.device):
        measured = probe(encoder, some, frozen=_frozen(plan))
    token_s = measured.texts_s / measured.tokens
    step_s = token_s * tokens + measured.update_s
    encoded = work.dev * (work.evaluations + work.arms) + work.guide
    return (plan.steps + work.trials) * step_s + encoded * token_s * FORWARD


def _frozen(plan: PreparedFit) -> Callable[[Any], AbstractContextManager[None]]:
    """What of the encoder does not learn, or costs next to nothing to update."""
    if plan.section.freeze_layers:
        return partial(frozen_layers, number=plan.section.freeze_layers)
    return nullcontext if plan.section.embeddings == "train" else frozen_embeddings
