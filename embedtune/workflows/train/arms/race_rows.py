"""The rows that an arm learns from: all, or some of them for the learning curve, with negatives that are found once."""

from dataclasses import dataclass, field

import numpy as np

from embedtune.config.verbs.train import TrainConfig
from embedtune.data.prepare import TrainingData
from embedtune.data.rows import Rows
from embedtune.models.encode.store import VectorStore
from embedtune.models.encoder import Encoder
from embedtune.workflows.shared.talk import Silence
from embedtune.workflows.train.preparing.near_negatives import with_near_negatives


@dataclass
class RaceRows:
    """Rows for any arm.

    Args:
        data: that is learned from.
        encoder: finds negatives, with its weights before training.
        store: of its vectors.
    """

    data: TrainingData
    encoder: Encoder
    store: VectorStore | None
    _with_negatives: dict[int, Rows] = field(default_factory=dict)

    def has(self, config: TrainConfig) -> bool:
        """Whether the negatives of a recipe were found before, or it has none to find."""
        return not config.negatives.mined or config.negatives.mined in self._with_negatives

    def of(self, config: TrainConfig, pairs: int | None) -> Rows:
        """The first so many rows of one shuffle, so that fewer are always a part of more; None: all.

        Called while the encoder has its weights before training.
        """
        mined = config.negatives.mined
        if mined not in self._with_negatives:
            found = with_near_negatives(config, self.data, self.encoder, self.store, Silence())
            self._with_negatives[mined] = found.train
        rows = self._with_negatives[mined]
        if pairs is None or pairs >= len(rows):
            return rows
        order = np.random.default_rng(config.training.seed).permutation(len(rows))
        return rows.take(np.sort(order[:pairs]).tolist())
