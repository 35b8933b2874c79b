"""What a training run is given, and what it did."""

from dataclasses import dataclass, field
from pathlib import Path

from transformers import TrainerCallback

from embedtune.config.train import TrainingSection
from embedtune.data.rows import Rows
from embedtune.data.views import Views
from embedtune.training.batch.row_table import RowTable
from embedtune.training.batch.row_texts import BatchTexts
from embedtune.training.guide.vectors import GuideTable
from embedtune.training.run.checkpoint import Warn
from embedtune.training.run.loop import DevScores
from embedtune.training.run.watch import Progress
from embedtune.training.step.held import Held
from embedtune.training.step.objective import Objective


@dataclass(frozen=True)
class Fit:
    """What a training run needs beside the encoder.

    Args:
        rows: training rows.
        table: what is known about them.
        objective: the weighted sum of losses.
        section: optimisation options.
        folder: the run folder: `metrics.jsonl`, and checkpoints in a folder of their own.
        guide: the guide's vectors, or None.
        queue: how many positives of past batches join the candidates; None for none.
        momentum: of the averaged teacher, where a loss learns from one.
        reference: the start's vectors, where a loss compares with them.
        views: how the texts of each row are changed in each epoch; None: they are not.
        texts: the rows' texts, read before; None: they are read when training begins.
        held: how much of a batch is held in memory; None: what the section says.
        dev: scores the model on the dev split, or None.
        dev_metric: the score that decides which model is best.
        callbacks: further callbacks, such as the one that refreshes a self guide.
        precision: fp32, bf16 or fp16.
        device: cpu, cuda, cuda:1 or mps.
        lr: the learning rate.
        tensorboard: also write TensorBoard events.
        trial: a short run to learn something from; it evaluates, saves and logs nothing.
        progress: told the steps done and the pace in words, at each step.
        warn: told what is damaged, and that a stop was asked for.
    """

    rows: Rows
    table: RowTable
    objective: Objective
    section: TrainingSection
    folder: Path
    lr: float
    guide: GuideTable | None = None
    queue: int | None = None
    momentum: float = 0.99
    reference: GuideTable | None = None
    views: Views | None = None
    texts: BatchTexts | None = None
    held: Held | None = None
    dev: DevScores | None = None
    dev_metric: str = "ndcg@10"
    callbacks: tuple[TrainerCallback, ...] = ()
    precision: str = "fp32"
    device: str = "cpu"
    tensorboard: bool = False
    trial: bool = False
    progress: Progress | None = None
    warn: Warn = lambda text: None

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    @property
    def metrics(self) -> Path:
        return self.folder / "metrics.jsonl"

    @property
    def steps_per_epoch(self) -> int:
        return -(-len(self.rows) // self.section.batch_size)

    @property
    def further_views(self) -> int:
        return 0 if self.views is None else self.views.further

    @property
    def evaluates(self) -> bool:
        return self.dev is not None and not self.trial

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        wanted = self.section.epochs * self.steps_per_epoch
        return min(wanted, self.section.max_steps or wanted)


@dataclass(frozen=True)
class FitResult:
    """What a training run did. `curve` holds (step, {metric: value}) of each dev evaluation.

    Tokens are those of distinct texts, without padding; what concerns products is None where the encoder has none.
    """

    steps: int
    epochs: float
    elapsed_s: float
    examples_per_s: float
    best_step: int | None
    curve: tuple[tuple[int, dict[str, float]], ...] = field(default_factory=tuple)
    tokens_per_s: float = 0.0
    flops_per_s: float | None = None
    share_of_peak: float | None = None
