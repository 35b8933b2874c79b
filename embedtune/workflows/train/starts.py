"""The start's vectors of the training texts, for losses that hold the student back to where it began."""

from collections.abc import Sequence

import numpy as np

from embedtune.models.encode.encode import encode
from embedtune.models.encode.store import VectorStore
from embedtune.models.encoder import Encoder, Role
from embedtune.training.guide.vectors import GuideTable
from embedtune.training.run.fit import Fit
from embedtune.workflows.shared.talk import Talk


def start_vectors(run: Fit, encoder: Encoder, store: VectorStore | None, talk: Talk) -> GuideTable | None:
    """The vectors of an encoder that has not begun to learn, None where no loss asks for them.

    A resumed run finds the same ones, in the store or by the same start, so that no checkpoint keeps them.
    """
    if not any("reference" in term.loss.companions for term in run.objective.terms):
        return None
    curriculum = run.table.curriculum
    table = GuideTable(run.rows, curriculum.stored, frozen=True, curriculum=curriculum)
    done = 0
    with talk.progress("vectors of the start, to compare with", total=table.texts) as tell:

        def vectors(texts: Sequence[str], role: Role) -> np.ndarray:
            nonlocal done
            before, done = done, done + len(texts)
            return encode(encoder, texts, role=role, store=store, progress=lambda n, *_: tell(before + n))

        table.fill(vectors)
    return table
