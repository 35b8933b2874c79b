"""Vectors of the training texts by encoders that do not learn: guides, and the student before training."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

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
    """The vectors before training, for losses that keep the student near them; None where no loss asks for any.

    No checkpoint keeps them: a resumed run gets the same ones from the store, or computes them with the same encoder.
    """
    if not any("reference" in loss.companions for loss in losses):
        return None
    table = GuideTable(texts, frozen=True)
    fill(table, partial(encode, encoder, store=store), "vectors before training, to compare with", talk)
    return table


def fill(table: GuideTable, vectors_of: Callable[..., np.ndarray], title: str, talk: Talk) -> None:
    """Compute the vectors that the store does not have yet; it also has those of an interrupted run.

    `vectors_of` is called as `encode` is, without its encoder.
    """
    done = 0
    with talk.progress(title, total=table.texts) as tell:

        def vectors(texts: Sequence[str], role: Role) -> np.ndarray:
            nonlocal done
            before, done = done, done + len(texts)
            return vectors_of(texts, role=role, progress=lambda n, *_: tell(before + n))

        table.fill(vectors)
