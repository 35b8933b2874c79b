"""Recipes trained one after another from the same start, for a race: everything that they share is made once."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from embedtune.config.course import Course
from embedtune.config.verbs.train import TrainConfig
from embedtune.data.guides.guide_vectors import GuideVectors
from embedtune.data.prepare import TrainingData
from embedtune.data.rows import RetrievalSet, Rows
from embedtune.errors import DataError, StoppedError
from embedtune.evaluation.tasks.judged_arrays import JudgedSet, as_arrays
from embedtune.models.encode.store import VectorStore
from embedtune.models.encoder import Encoder
from embedtune.models.speed.precision import choose_precision
from embedtune.training.batch.row_table import RowTable, build_table
from embedtune.training.batch.row_texts import BatchTexts
from embedtune.training.guide.vectors import GuideTable
from embedtune.training.run.fit import Fit, PreparedFit, TrainingTask
from embedtune.training.run.trainer import fit, texts_of
from embedtune.training.step.held import Held, measured
from embedtune.training.step.matryoshka import recipe_objective
from embedtune.workflows.shared.choosing.arms import ArmScores
from embedtune.workflows.shared.guard.sampled import sampled
from embedtune.workflows.shared.scoring import DEV_METRICS, Known, read_judged, score
from embedtune.workflows.shared.talk import Silence, Talk
from embedtune.workflows.train.guide.guiding import choose_guide
from embedtune.workflows.train.guide.margin import choose_margin, decided, is_open, margins_for
from embedtune.workflows.train.guide.trials import TrialGround
from embedtune.workflows.train.preparing.frozen_vectors import start_vectors
from embedtune.workflows.train.preparing.preparation import curriculum_of
from embedtune.workflows.train.recipe_checks import built_terms


@dataclass
class TrainArms:
    """Arms on an encoder that is in memory.

    Args:
        config: the default recipe, settled.
        folder: for temporary files.
        store: of vectors by encoders that do not learn.
    """

    config: TrainConfig
    data: TrainingData
    encoder: Encoder
    folder: Path
    store: VectorStore | None
    vectors: GuideVectors | None
    _holds: dict[int, Held] = field(default_factory=dict)
    _shared: dict[tuple[int | None, ...], tuple[RowTable, BatchTexts]] = field(default_factory=dict)

    @cached_property
    def dev(self) -> RetrievalSet:
        """A part of dev that can be scored many times."""
        if self.data.dev is None:
            raise DataError("there is no dev split", where="--data")
        return sampled(self.data.dev, self.config.training.seed)

    @property
    def dev_texts(self) -> int:
        """Queries and documents of dev that a scoring encodes."""
        return len(self.dev.queries) + len(self.dev.corpus)

    @cached_property
    def _judged(self) -> JudgedSet:
        return as_arrays(self.dev)

    @cached_property
    def _known(self) -> Known:
        return read_judged(self.encoder, self._judged)

    @cached_property
    def _precision(self) -> str:
        device = str(self.encoder.model.device)
        return choose_precision(self.config.training.precision, device, has_products=self.encoder.has_products).name

    @cached_property
    def _weights(self) -> Mapping[str, torch.Tensor]:
        return {name: value.detach().clone() for name, value in self.encoder.model.state_dict().items()}

    @cached_property
    def start(self) -> ArmScores:
        """Scores of the encoder before training."""
        self.restart()
        return self.scored()

    def restart(self) -> None:
        """Give the encoder its weights before training."""
        with torch.no_grad():
            self.encoder.model.load_state_dict(self._weights)

    def steps(self, config: TrainConfig) -> int:
        """Steps of a full run of a settled recipe."""
        rows = len(self.data.train)
        return Course.of(config.training, rows, static=False).steps(rows)

    def choose(self, trials: int, talk: Talk) -> tuple[str, int]:
        """Settle the margin that the default leaves open: by trials, or as no guide where these take too many steps."""
        if not is_open(self.config):
            return "", 0
        self.restart()
        plan = self._prepared(self.config, self.data.train, None)
        reference = self._reference(self.config, plan)
        ground = TrialGround(plan, self.dev, self.encoder, talk, self.store, self.vectors, reference)
        steps = len(margins_for(self.encoder)) * ground.steps
        if steps > trials:
            self.config = decided(self.config, None)
            return f"The default has no guide: to try margins would take {steps} steps. Guides race as arms.", 0
        choice = choose_margin(self.config, ground)
        self.config = decided(self.config, choice.margin)
        return f"The default's guide: {choice.reason}.", steps

    def train(self, config: TrainConfig, *, steps: int, seed: int, pairs: int | None = None) -> ArmScores:
        """Train from the start for so many steps and score dev; the encoder is left trained."""
        began = time.perf_counter()
        try:
            self._fit(config, steps=steps, seed=seed, pairs=pairs)
        except StoppedError as error:
            empty = {metric: np.zeros(len(self._judged.query_ids)) for metric in DEV_METRICS}
            return ArmScores(empty, time.perf_counter() - began, 0.0, error.message)
        trained = time.perf_counter() - began
        return replace(self.scored(), train_s=trained)

    def priced_s(self, config: TrainConfig, steps: int) -> float:
        """Seconds of a training of so many steps, all that comes before it included."""
        began = time.perf_counter()
        self._fit(config, steps=steps, seed=0, pairs=None)
        return time.perf_counter() - began

    def _fit(self, config: TrainConfig, *, steps: int, seed: int, pairs: int | None) -> None:
        self.restart()
        torch.manual_seed(seed)  # heads that losses own draw their weights before the trainer sets its seed
        rows = self._rows(pairs, config.training.seed)
        epochs = math.ceil(steps / max(1, -(-len(rows) // _batch(config))))
        section = config.training.model_copy(update={"max_steps": steps, "seed": seed, "epochs": epochs})
        config = config.model_copy(update={"training": section})
        plan = self._prepared(config, rows, pairs)
        guiding = choose_guide(config, plan, None, self.encoder, talk=Silence(), store=self.store, vectors=self.vectors)
        run = Fit(
            **vars(plan),
            objective=recipe_objective(config, self.encoder.dimensions),
            guide=guiding.table,
            reference=self._reference(config, plan),
            callbacks=guiding.callbacks,
        )
        fit(self.encoder, run)

    def _reference(self, config: TrainConfig, plan: PreparedFit) -> GuideTable | None:
        return start_vectors(plan.table.texts, built_terms(config), self.encoder, self.store, Silence())

    def scored(self) -> ArmScores:
        """Scores on dev of the encoder as it is."""
        began = time.perf_counter()
        found = score(self.encoder, self._judged, metrics=DEV_METRICS, known=self._known)
        return ArmScores(found.per_query, 0.0, time.perf_counter() - began)

    def _rows(self, pairs: int | None, seed: int) -> Rows:
        """The first so many rows of one shuffle, so that fewer are always a part of more."""
        rows = self.data.train
        if pairs is None or pairs >= len(rows):
            return rows
        return rows.take(np.sort(np.random.default_rng(seed).permutation(len(rows))[:pairs]).tolist())

    def _table(self, config: TrainConfig, rows: Rows, pairs: int | None) -> RowTable:
        closure = config.data.known_positives == "closure"
        return build_table(rows, self.data.known_positives, closure=closure, curriculum=curriculum_of(config, rows))

    def _task(self, config: TrainConfig, rows: Rows, table: RowTable) -> TrainingTask:
        return TrainingTask(
            rows=rows, table=table, section=config.training, folder=self.folder, views=self.data.views, trial=True
        )

    def _prepared(self, config: TrainConfig, rows: Rows, pairs: int | None) -> PreparedFit:
        """The run of an arm, on tables and tokens made once for all arms that use as many negatives."""
        per_row, section = config.negatives.per_row, config.training
        # Which negatives are used in which epoch depends on the length of the run.
        key = (pairs, per_row, *((section.max_steps, section.seed) if per_row is not None else ()))
        if key not in self._shared:
            table = self._table(config, rows, pairs)
            self._shared[key] = table, texts_of(self._task(config, rows, table), self.encoder)
        table, texts = self._shared[key]
        return PreparedFit(
            **vars(self._task(config, rows, table)),
            lr=float(config.training.lr),
            precision=self._precision,
            device=str(self.encoder.model.device),
            texts=texts,
            held=self._held(config, texts),
            queue=config.queue,
            momentum=config.averaged_teacher.momentum,
        )

    def _held(self, config: TrainConfig, texts: BatchTexts) -> Held:
        """Everything, unless a batch of the first rows would not fit in memory."""
        asked = config.training.micro_batch_tokens
        if asked != "auto" or not self.encoder.has_products:
            return Held.asked(asked)
        size = min(_batch(config), len(self.data.train))
        if size not in self._holds:
            columns = list(texts.of(range(size)))
            found = measured(self.encoder, texts.reader, [own for own, _ in columns], self._precision)
            longest = sum(int(np.sort(own.lengths)[-numbers.size :].sum()) for own, numbers in columns)
            # If every batch fits, the run must not depend on how much more would.
            self._holds[size] = Held() if found.tokens is not None and longest <= found.tokens else found
        return self._holds[size]


def _batch(config: TrainConfig) -> int:
    """Pairs per step of a settled recipe."""
    size = config.training.batch_size
    return size if isinstance(size, int) else 2
