"""Tables and tokens of the rows of a race, made once for all arms that use the same rows."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from embedtune.config.verbs.train import TrainConfig
from embedtune.data.prepare import TrainingData
from embedtune.data.rows import Rows
from embedtune.models.encoder import Encoder
from embedtune.training.batch.row_table import RowTable, build_table
from embedtune.training.batch.row_texts import BatchTexts
from embedtune.training.run.fit import TrainingTask
from embedtune.training.run.trainer import texts_of
from embedtune.training.step.held import Held, measured
from embedtune.workflows.train.preparing.preparation import curriculum_of


@dataclass
class RaceTexts:
    """What arms learn from, tokenized.

    Args:
        data: of the race.
        encoder: whose tokens they are.
        folder: for temporary files.
    """

    data: TrainingData
    encoder: Encoder
    folder: Path
    _made: dict[tuple[int | None, ...], tuple[RowTable, BatchTexts]] = field(default_factory=dict)
    _holds: dict[tuple[int, int], Held] = field(default_factory=dict)

    def of(self, config: TrainConfig, rows: Rows, pairs: int | None) -> tuple[TrainingTask, BatchTexts]:
        """What a recipe learns from, on these rows: all, or the first so many pairs of a shuffle."""
        per_row, section = config.negatives.per_row, config.training
        # Which negatives are used in which epoch depends on the length of the run.
        course = (section.max_steps, section.seed) if per_row is not None else ()
        key = (pairs, config.negatives.mined, per_row, *course)
        if key not in self._made:
            table = self._table(config, rows)
            self._made[key] = table, texts_of(self._task(config, rows, table), self.encoder)
        table, texts = self._made[key]
        return self._task(config, rows, table), texts

    def held(self, config: TrainConfig, rows: Rows, texts: BatchTexts, precision: str) -> Held:
        """Everything, unless a batch of the first rows would not fit in memory."""
        asked = config.training.micro_batch_tokens
        if asked != "auto" or not self.encoder.has_products:
            return Held.asked(asked)
        size = min(batch_size(config), len(rows))
        key = size, config.negatives.mined
        if key not in self._holds:
            columns = list(texts.of(range(size)))
            found = measured(self.encoder, texts.reader, [own for own, _ in columns], precision)
            longest = sum(int(np.sort(own.lengths)[-numbers.size :].sum()) for own, numbers in columns)
            # If every batch fits, the run must not depend on how much more would.
            self._holds[key] = Held() if found.tokens is not None and longest <= found.tokens else found
        return self._holds[key]

    def _table(self, config: TrainConfig, rows: Rows) -> RowTable:
        closure = config.data.known_positives == "closure"
        return build_table(rows, self.data.known_positives, closure=closure, curriculum=curriculum_of(config, rows))

    def _task(self, config: TrainConfig, rows: Rows, table: RowTable) -> TrainingTask:
        return TrainingTask(
            rows=rows, table=table, section=config.training, folder=self.folder, views=self.data.views, trial=True
        )


def batch_size(config: TrainConfig) -> int:
    """Pairs per step of a settled recipe."""
    size = config.training.batch_size
    return size if isinstance(size, int) else 2
