"""The vectors of the training texts before training, for losses that keep the student near where it started."""

from collections.abc import Iterable, Sequence

import numpy as np

from embedtune.losses.shared.base import Loss
from embedtune.models.encode.encode import encode
from embedtune.models.encode.store import VectorStore
from embedtune.models.encoder import Encoder, Role
from embedtune.training.batch.row_texts import RowTexts
from embedtune.training.guide.vectors import GuideTable
from embedtune.workflows.shared.talk import Talk


def start_vectors(
    texts: RowTexts, losses: Iterable[Loss], encoder: Encoder, store: VectorStore | None, talk: Talk
) -> GuideTable | None:
    """The vectors of an encoder that has not begun to learn; None where no loss asks for them.

    No checkpoint keeps them: a resumed run gets the same ones from the store, or computes them with the same encoder.
    """
    if not any("reference" in loss.companions for loss in losses):
        return None
    table = GuideTable(texts, frozen=True)
    done = 0
    with talk.progress("vectors before training, to compare with", total=table.texts) as tell:

        def vectors(texts: Sequence[str], role: Role) -> np.ndarray:
            nonlocal done
            before, done = done, done + len(texts)
            return encode(encoder, texts, role=role, store=store, progress=lambda n, *_: tell(before + n))

        table.fill(vectors)
    return table
