"""Recipes trained one after another from the same start, for a race: everything that they share is made once."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from transformers import TrainerCallback

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
from embedtune.training.guide.vectors import GuideTable
from embedtune.training.run.fit import Fit, PreparedFit
from embedtune.training.run.trainer import fit
from embedtune.training.step.matryoshka import recipe_objective
from embedtune.workflows.shared.choosing.arms import ArmMemory, ArmScores, OpenChoice, Priced
from embedtune.workflows.shared.guard.sampled import sampled
from embedtune.workflows.shared.scoring import DEV_METRICS, Known, dev_scores, read_judged, score
from embedtune.workflows.shared.talk import Silence, Talk
from embedtune.workflows.train.arms.adapted import AdaptedCopies, take_over
from embedtune.workflows.train.arms.default_choice import chosen, open_choice
from embedtune.workflows.train.arms.forecast_memory import forecast_memory
from embedtune.workflows.train.arms.full_run import evaluated, in_full
from embedtune.workflows.train.arms.race_rows import RaceRows
from embedtune.workflows.train.arms.race_texts import RaceTexts, batch_size
from embedtune.workflows.train.arms.step_times import StepTimes
from embedtune.workflows.train.guide.guiding import choose_guide
from embedtune.workflows.train.guide.trials import FEWEST_QUERIES, TrialGround
from embedtune.workflows.train.preparing.frozen_vectors import start_vectors
from embedtune.workflows.train.recipe_checks import built_terms


@dataclass
class TrainArms:
    """Arms on an encoder that is in memory.

    Args:
        config: the default recipe, settled.
        folder: for temporary files.
        store: of vectors by encoders that do not learn.
        rate_is_open: whether the recipe left the learning rate open.
    """

    config: TrainConfig
    data: TrainingData
    encoder: Encoder
    folder: Path
    store: VectorStore | None
    vectors: GuideVectors | None
    rate_is_open: bool = False

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
    def _known(self) -> tuple[Known, float]:
        """Dev, tokenized, and the seconds that this took."""
        began = time.perf_counter()
        return read_judged(self.encoder, self._judged), time.perf_counter() - began

    @property
    def reading_s(self) -> float:
        """Seconds of tokenizing dev, which is done once."""
        return self._known[1]

    @cached_property
    def _rows(self) -> RaceRows:
        return RaceRows(self.data, self.encoder, self.store)

    @cached_property
    def _texts(self) -> RaceTexts:
        return RaceTexts(self.data, self.encoder, self.folder)

    @cached_property
    def _adapted(self) -> AdaptedCopies:
        return AdaptedCopies(self.config.model, self.config.training.seed, self.encoder.products)

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

    @property
    def open_choice(self) -> OpenChoice | None:
        """The rate of a starter and the margin of a guide, as far as they are open and dev has queries to choose by."""
        if len(self.dev) < FEWEST_QUERIES:
            return None
        return open_choice(self.config, self.encoder, self.steps(self.config), rate_is_open=self._rate_is_open)

    def choose(self, talk: Talk) -> str:
        """Settle what the default leaves open, as a run does."""
        self.restart()
        self.config, said = chosen(
            self.config, lambda config: self._ground(config, talk), rate_is_open=self._rate_is_open
        )
        return said

    @property
    def _rate_is_open(self) -> bool:
        return self.rate_is_open and not self.data.unpaired

    def _ground(self, config: TrainConfig, talk: Talk) -> TrialGround:
        """Where the default is tried."""
        plan = self._prepared(config, self._rows.of(config, None), None)
        reference = self._reference(config, plan)
        return TrialGround(plan, self.dev, self.encoder, talk, self.store, self.vectors, reference)

    def train(self, config: TrainConfig, *, steps: int, seed: int, pairs: int | None = None) -> ArmScores:
        """Train from the start for so many steps and score dev; a full run leaves its best point in the encoder."""
        began = time.perf_counter()
        try:
            self._fit(config, steps=steps, seed=seed, pairs=pairs)
        except StoppedError as error:
            empty = {metric: np.zeros(len(self._judged.query_ids)) for metric in DEV_METRICS}
            return ArmScores(empty, time.perf_counter() - began, 0.0, error.message)
        trained = time.perf_counter() - began
        return replace(self.scored(), train_s=trained)

    def making_s(self, config: TrainConfig) -> float:
        """Seconds that finding its negatives takes, about: the start encodes the texts of all pairs."""
        if self._rows.has(config):
            return 0.0
        return 2 * len(self.data.train) / self.dev_texts * self.start.score_s

    def priced(self, config: TrainConfig, steps: int) -> Priced:
        """What a training of so many steps takes; two or more."""
        self.restart()
        self._prepared(config, self._rows.of(config, None), None)  # made once for all heats, and no part of their price
        times, began = StepTimes(on_cpu=self.encoder.model.device.type == "cpu"), time.perf_counter()
        self._fit(config, steps=steps, seed=0, pairs=None, callbacks=(times,))
        return times.priced(time.perf_counter() - began)

    def _fit(
        self,
        config: TrainConfig,
        *,
        steps: int,
        seed: int,
        pairs: int | None,
        callbacks: tuple[TrainerCallback, ...] = (),
    ) -> None:
        self.restart()
        learner, whole = self._learner(config), pairs is not None or steps >= self.steps(config)
        torch.manual_seed(seed)  # heads that losses own draw their weights before the trainer sets its seed
        rows = self._rows.of(config, pairs)
        epochs = math.ceil(steps / max(1, -(-len(rows) // batch_size(config))))
        section = config.training.model_copy(update={"max_steps": steps, "seed": seed, "epochs": epochs})
        config = config.model_copy(update={"training": section})
        plan = self._prepared(config, rows, pairs)
        guiding = choose_guide(config, plan, None, learner, talk=Silence(), store=self.store, vectors=self.vectors)
        run = Fit(
            **vars(plan),
            objective=recipe_objective(config, self.encoder.dimensions),
            guide=guiding.table,
            reference=self._reference(config, plan),
            callbacks=(*guiding.callbacks, *callbacks),
        )
        if whole and not callbacks:
            scores = dev_scores(learner, self._judged, self._known[0])
            with in_full(run, self._evaluated(config, steps), scores, self.folder) as full:
                fit(learner, full)
        else:
            fit(learner, run)
        if learner is not self.encoder:
            take_over(self.encoder, learner)

    def _evaluated(self, config: TrainConfig, steps: int) -> TrainConfig:
        """The recipe with the dev evaluations of a full run."""
        _, texts = self._texts.of(config, self._rows.of(config, None), None)
        return evaluated(config, self.dev, self.encoder, steps, texts, batch_size(config))

    def evaluations(self, config: TrainConfig) -> int:
        """Scorings of dev within a full run."""
        steps = self.steps(config)
        every = self._evaluated(config, steps).training.evaluate_every
        return 1 + (-(-steps // every) if isinstance(every, int) else 0)  # the start is scored, too

    def memory(self, config: TrainConfig, most: int) -> ArmMemory:
        """What training a recipe takes, in micro-batches where it would take more than so many bytes otherwise."""
        self.restart()
        rows = self._rows.of(config, None)
        _, texts = self._texts.of(config, rows, None)
        size = min(batch_size(config), len(rows))
        columns = [(own, numbers.size) for own, numbers in texts.of(range(size))]
        return forecast_memory(config, self._learner(config), columns, self._precision).within(most)

    def _learner(self, config: TrainConfig) -> Encoder:
        """The encoder that a recipe trains, as it was before training."""
        lora = config.model.lora
        return self.encoder if lora is None else self._adapted.fresh(lora, str(self.encoder.model.device))

    def _reference(self, config: TrainConfig, plan: PreparedFit) -> GuideTable | None:
        return start_vectors(plan.table.texts, built_terms(config), self.encoder, self.store, Silence())

    def scored(self) -> ArmScores:
        """Scores on dev of the encoder as it is."""
        known, _ = self._known
        began = time.perf_counter()
        found = score(self.encoder, self._judged, metrics=DEV_METRICS, known=known)
        return ArmScores(found.per_query, 0.0, time.perf_counter() - began)

    def _prepared(self, config: TrainConfig, rows: Rows, pairs: int | None) -> PreparedFit:
        """The run of an arm, on tables and tokens made once for all arms that use as many negatives."""
        task, texts = self._texts.of(config, rows, pairs)
        return PreparedFit(
            **vars(task),
            lr=float(config.training.lr),
            precision=self._precision,
            device=str(self.encoder.model.device),
            texts=texts,
            held=self._texts.held(config, rows, texts, self._precision),
            queue=config.queue,
            momentum=config.averaged_teacher.momentum,
        )
