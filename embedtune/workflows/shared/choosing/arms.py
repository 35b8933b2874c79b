"""What a race of recipes asks of whoever trains them. The verb that trains implements it; the verb that races uses it.

Verbs do not import one another, so `api` hands the one to the other.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from embedtune.config.verbs.train import TrainConfig
from embedtune.data.prepare import TrainingData
from embedtune.models.encoder import Encoder
from embedtune.workflows.shared.talk import Talk

RACED_QUERIES = 20
"""Fewest dev queries that a race of recipes is decided on; fewer say nothing."""


@dataclass(frozen=True)
class ArmScores:
    """What one training of an arm gave.

    Args:
        scores: metric -> (Q,) score of each dev query.
        train_s: seconds of training.
        score_s: seconds of scoring.
        stopped: why it could not go on, in words; its scores are 0 then.
    """

    scores: Mapping[str, np.ndarray]
    train_s: float
    score_s: float
    stopped: str = ""


@dataclass(frozen=True)
class Priced:
    """What a few steps of an arm took.

    Args:
        before_s: seconds of everything besides the steps.
        step_s: seconds of a step, the median.
        work_s: the same as processor time, which other programs on the machine do not change; on a device other than
            the CPU, as `step_s`.
    """

    before_s: float
    step_s: float
    work_s: float


@dataclass(frozen=True)
class OpenChoice:
    """What the default recipe leaves open: short runs decide it on dev before the race, as they do before a run.

    Args:
        steps: of each.
        plain: the recipe without a guide.
        plain_trials: how many are like it.
        guided: the recipe with one.
        guided_trials: how many are like that.
    """

    steps: int
    plain: TrainConfig
    plain_trials: int
    guided: TrainConfig
    guided_trials: int

    @property
    def all_steps(self) -> int:
        """Of all together."""
        return self.steps * (self.plain_trials + self.guided_trials)


@dataclass(frozen=True)
class ArmMemory:
    """What training an arm takes, as forecast.

    Args:
        peak_bytes: of the process or, where a GPU trains, of its memory: what is in use before, gradients, the
            optimizer's state, and activations.
        micro_batch_tokens: tokens whose activations may be held for that; None: those of whole batches.
    """

    peak_bytes: int
    micro_batch_tokens: int | None = None


class ArmTrainer(Protocol):
    """An encoder and data at hand, on which any recipe can be trained from the same start.

    Texts are tokenized once, the vectors of guides are kept, and the start is scored once, for all arms.
    """

    config: TrainConfig
    """The default recipe, everything that it leaves open settled."""

    @property
    def encoder(self) -> Encoder:
        """As the last call left it."""

    @property
    def dev_texts(self) -> int:
        """Queries and documents of dev that a scoring encodes."""

    @property
    def reading_s(self) -> float:
        """Seconds of tokenizing these, which is done once."""

    @property
    def start(self) -> ArmScores:
        """Scores of the encoder before training."""

    @property
    def open_choice(self) -> OpenChoice | None:
        """What is to be chosen before the race; None if nothing is."""

    def choose(self, talk: Talk) -> str:
        """Settle what the default leaves open, and say in a sentence how it was chosen; an empty one if nothing was."""

    def making_s(self, config: TrainConfig) -> float:
        """Seconds, about, of what is still to be made for a recipe once, such as negatives that are looked for."""

    def priced(self, config: TrainConfig, steps: int) -> Priced:
        """What a training of so many steps takes, without what is made once; two or more."""

    def memory(self, config: TrainConfig, most: int) -> ArmMemory:
        """What training a recipe takes: in whole batches or, if these took more than so many bytes, in micro-batches.

        The peak is above `most` where micro-batches do not help either.
        """

    def steps(self, config: TrainConfig) -> int:
        """Steps of a full run of a settled recipe."""

    def evaluations(self, config: TrainConfig) -> int:
        """Scorings of dev within a full run, of which the best point is kept."""

    def train(self, config: TrainConfig, *, steps: int, seed: int, pairs: int | None = None) -> ArmScores:
        """Train from the start for so many steps and score dev; the encoder is left trained.

        A run of all steps of the recipe, or on fewer pairs, evaluates dev on the way and keeps its best point, as
        `embedtune train` does; a shorter one keeps its last.

        Args:
            config: a recipe like the default one, everything settled.
            steps: of its schedule.
            seed: of the shuffle, of dropout and of heads.
            pairs: train on the first so many of the shuffled pairs; None: on all.
        """

    def scored(self) -> ArmScores:
        """Scores on dev of the encoder as it is."""

    def restart(self) -> None:
        """Give the encoder its weights before training."""


class ArmData(Protocol):
    """Data and recipe, read and checked; nothing heavy is loaded yet."""

    @property
    def config(self) -> TrainConfig:
        """The recipe, with what is proposed for the data."""

    @property
    def data(self) -> TrainingData:
        """Read and split."""

    def load(self, folder: Path, talk: Talk) -> ArmTrainer:
        """Load the encoder; `folder` is for temporary files."""


OpenArms = Callable[[TrainConfig, Talk], ArmData]
"""Reads the data of a recipe and checks what can be checked before anything heavy loads."""
