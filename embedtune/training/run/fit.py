"""What a training run is given, in three stages, and what it did.

What it learns from and for how long (`TrainingTask`); with it, how it computes (`PreparedFit`); and with both at hand,
the guide and the objective (`Fit`). Each stage is frozen and has the fields of those before it:
`Fit(**vars(prepared), objective=...)`.
"""

from dataclasses import dataclass
from pathlib import Path

from transformers import TrainerCallback

from embedtune.config.course import Course
from embedtune.config.sections.training import TrainingSection
from embedtune.data.rows import Rows
from embedtune.data.views import Views
from embedtune.progress import Progress
from embedtune.training.batch.frozen_side import FrozenDocuments
from embedtune.training.batch.row_table import RowTable
from embedtune.training.batch.row_texts import BatchTexts
from embedtune.training.batch.set_batches import SetMixing
from embedtune.training.guide.vectors import GuideTable
from embedtune.training.run.checkpoint import Warn
from embedtune.training.run.loop import DevScores
from embedtune.training.step.held import Held
from embedtune.training.step.objective import Objective


@dataclass(frozen=True, kw_only=True)
class TrainingTask:
    """What is learned from, for how long, and where the files go.

    Args:
        rows: training rows.
        table: ids, labels, scores and known positives of these rows.
        section: optimization options.
        folder: the run folder: `metrics.jsonl`, and checkpoints in a folder of their own.
        views: how the texts of each row are changed in each epoch; None if they are not.
        trial: a short run to learn something from; it evaluates, saves and logs nothing.
        frozen: the vectors of the documents, where only queries learn.
        mixing: how several sets share batches; None where there is one.
        teacher: the vectors of the encoder that a loss imitates.
    """

    rows: Rows
    table: RowTable
    section: TrainingSection
    folder: Path
    views: Views | None = None
    trial: bool = False
    frozen: FrozenDocuments | None = None
    mixing: SetMixing | None = None
    teacher: GuideTable | None = None

    @property
    def checkpoints(self) -> Path:
        """The folder of all checkpoints."""
        return self.folder / "checkpoints"

    @property
    def metrics(self) -> Path:
        """The log, one JSON object per step."""
        return self.folder / "metrics.jsonl"

    @property
    def course(self) -> Course:
        """How many epochs of which batches. The section of a run is settled before; one that is not gets the course of
        a pretrained encoder."""
        return Course.of(self.section, len(self.rows), static=False)

    @property
    def steps_per_epoch(self) -> int:
        """Batches that hold every row once."""
        return self.course.steps_per_epoch(len(self.rows))

    @property
    def steps(self) -> int:
        """Steps of the entire run."""
        return self.course.steps(len(self.rows))

    @property
    def further_views(self) -> int:
        """Views per row in addition to anchor and positive."""
        return 0 if self.views is None else self.views.further


@dataclass(frozen=True, kw_only=True)
class PreparedFit(TrainingTask):
    """A training task, and how the run computes.

    Args:
        lr: the learning rate.
        precision: fp32, bf16 or fp16.
        device: cpu, cuda, cuda:1 or mps.
        texts: the rows' texts, tokenized before; None: they are tokenized when training begins.
        held: how much of a batch is held in memory; None: what the section says.
        queue: how many positives of past batches join the candidates; None for none.
        momentum: of the averaged teacher (EMA), where a loss learns from one.
        trackers: what else records the run: tensorboard, wandb, mlflow, trackio.
    """

    lr: float
    precision: str = "fp32"
    device: str = "cpu"
    texts: BatchTexts | None = None
    held: Held | None = None
    queue: int | None = None
    momentum: float = 0.99
    trackers: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Fit(PreparedFit):
    """A complete run: everything that training needs in addition to the encoder.

    Args:
        objective: the weighted sum of losses.
        guide: the guide's vectors, or None.
        reference: the vectors before training, where a loss compares with them.
        dev: scores the model on the dev split, or None.
        dev_metric: the score that decides which model is best.
        callbacks: further callbacks, such as the one that refreshes a self guide.
        progress: receives the steps done and, as the note, epoch, loss and dev score, after each step.
        warn: receives what is damaged, and that a stop was requested.
        say: receives where a resumed run begins.
    """

    objective: Objective
    guide: GuideTable | None = None
    reference: GuideTable | None = None
    dev: DevScores | None = None
    dev_metric: str = "ndcg@10"
    callbacks: tuple[TrainerCallback, ...] = ()
    progress: Progress | None = None
    warn: Warn = lambda text: None
    say: Warn = lambda text: None

    @property
    def evaluates(self) -> bool:
        """Whether dev scores are computed during training."""
        return self.dev is not None and not self.trial


@dataclass(frozen=True)
class FitResult:
    """What a training run did. `curve` holds (step, {metric: value}) of each dev evaluation; step 0 is the start.

    Tokens are those of distinct texts, without padding; figures about matrix products are None where the encoder has
    none, or texts are left out of the backward pass.
    """

    steps: int
    epochs: float
    elapsed_s: float
    examples_per_s: float
    best_step: int | None
    curve: tuple[tuple[int, dict[str, float]], ...] = ()
    tokens_per_s: float = 0.0
    flops_per_s: float | None = None
    share_of_peak: float | None = None
