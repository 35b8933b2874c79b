"""An arm that is trained in full: with dev evaluations, as in `embedtune train`, so that its best point is kept."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from embedtune.config.verbs.train import TrainConfig
from embedtune.data.rows import RetrievalSet
from embedtune.durable import discard
from embedtune.models.encoder import Encoder
from embedtune.training.batch.row_texts import BatchTexts, KnownTexts
from embedtune.training.run.fit import Fit
from embedtune.training.run.loop import DevScores
from embedtune.workflows.shared.scoring import SELECTION
from embedtune.workflows.shared.talk import Silence
from embedtune.workflows.train.preparing.dev_evaluations import with_evaluations

FOLDER = "full-run"


def evaluated(
    config: TrainConfig, dev: RetrievalSet, encoder: Encoder, steps: int, texts: BatchTexts | None, batch: int
) -> TrainConfig:
    """The recipe with as many dev evaluations as a run would have.

    Args:
        config: settled.
        dev: what is scored, all of it each time.
        encoder: counts the tokens of dev.
        steps: of the run.
        texts: what is learned from, tokenized; where views change texts, they are not counted, and dev is scored twice.
        batch: pairs of a step.
    """
    tokens = 0.0
    if isinstance(texts, KnownTexts):
        tokens = batch * float(texts.queries.lengths.mean() + texts.documents.lengths.mean())
    return with_evaluations(config, dev, encoder, steps, tokens, Silence())[0]


@contextmanager
def in_full(run: Fit, config: TrainConfig, dev: DevScores, folder: Path) -> Iterator[Fit]:
    """The run with dev evaluations and checkpoints, which are removed once its best model is in the encoder."""
    own = folder / FOLDER
    discard(own)
    own.mkdir(parents=True)
    try:
        yield replace(run, trial=False, folder=own, section=config.training, dev=dev, dev_metric=SELECTION)
    finally:
        discard(own)
