"""One training of a cross-encoder on sentence-transformers' own trainer and loss: checkpoints, dev scores, resume.

The loss looks at the candidates of a query together (ListNet). From 600 pairs of medquad and all-MiniLM-L6-v2, at equal
pairs and learning rate, it reranked 100 dev queries to nDCG@10 0.734, and binary cross-entropy to 0.676.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from datasets import Dataset
from sentence_transformers.cross_encoder import CrossEncoderTrainer, CrossEncoderTrainingArguments
from sentence_transformers.cross_encoder.losses import ListNetLoss
from transformers import PrinterCallback, TrainerState
from transformers.trainer import TRAINER_STATE_NAME

from embedtune.config.course import Course
from embedtune.config.sections.training import TrainingSection
from embedtune.errors import Interrupted
from embedtune.models.cross.cross_start import load_trained
from embedtune.models.cross.exact_head import exact_head
from embedtune.models.files.quiet import quiet_libraries
from embedtune.models.speed.precision import FP32
from embedtune.progress import Progress
from embedtune.training.reranker.lists import CandidateLists
from embedtune.training.reranker.records import PairLog, Sealing
from embedtune.training.reranker.work import PairsToRead
from embedtune.training.run.checkpoint import (
    Milestones,
    Warn,
    demand_same_batches,
    is_whole,
    place_of,
    steps_of,
    whole_checkpoint,
)
from embedtune.training.run.fit import FitResult
from embedtune.training.run.loop import DevEvaluator
from embedtune.training.run.watch import Interruption

LOSS = "listnet"
"""What is minimized: the cross entropy of which candidate of a query is the right one, sentence-transformers' loss.

Source: Cao et al. 2007, Learning to Rank: From Pairwise Approach to Listwise Approach, equation 5.
"""
MIX, ALONE = "mix", "alone"
"""What a dev evaluation says besides its scores: how much the encoder's scores count, and its score without them."""
PAIRS_AT_ONCE = 64
"""Pairs of a forward and backward pass; a batch of more is divided evenly, and the gradients of its parts averaged."""


@dataclass(frozen=True, kw_only=True)
class RerankerFit:
    """Everything that training needs besides the model.

    Args:
        lists: queries with their candidates.
        section: optimization options, settled: epochs, batch size and learning rate are numbers.
        folder: the run folder.
        dev: scores the model in its current state and reports how many queries are done; None without dev.
        metric: the dev score that decides which model is best.
        dev_queries: that `dev` scores, and
        depth: how many pairs for each of them.
        precision: of matrix products; the head's scores and the weights stay in float32.
        progress: receives how much of the work is done, in pairs that are read.
        warn: receives what is damaged, and that a stop was requested.
    """

    lists: CandidateLists
    section: TrainingSection
    folder: Path
    metric: str
    dev: Callable[[Progress], Mapping[str, float]] | None = None
    dev_queries: int = 0
    depth: int = 0
    precision: str = FP32
    progress: Progress | None = None
    warn: Warn = lambda text: None

    @property
    def checkpoints(self) -> Path:
        """The folder of all checkpoints."""
        return self.folder / "checkpoints"

    @property
    def course(self) -> Course:
        """How many epochs of which batches."""
        return Course.of(self.section, len(self.lists), static=False, cross=True)

    @property
    def steps(self) -> int:
        """Steps of the entire run."""
        return self.course.steps(len(self.lists))

    @property
    def every(self) -> int:
        """Steps between two dev evaluations: three evaluations in all, if the recipe does not say."""
        asked = self.section.evaluate_every
        return min(self.steps, asked if isinstance(asked, int) else math.ceil(self.steps / 3))

    @property
    def work(self) -> PairsToRead:
        """All that is to be done, steps and dev evaluations."""
        queries = 0 if self.dev is None else self.dev_queries
        pairs = self.course.batch_size * self.lists.longest
        return PairsToRead(self.steps, pairs, self.every, queries, self.depth, self.progress)


@dataclass(frozen=True, kw_only=True)
class RerankerResult(FitResult):
    """What a training of a cross-encoder did.

    Args:
        mix: how much the encoder's own scores count beside those of the model that was kept.
        alone: its dev score without them; None without dev.
    """

    mix: float = 0.0
    alone: float | None = None


def fit_reranker(model: Any, run: RerankerFit, *, resume: bool = False) -> RerankerResult:
    """Train a `CrossEncoder` in place, and leave the best one (by dev, where there is one) in it.

    Raises:
        Interrupted: Ctrl-C; a checkpoint was written.
    """
    checkpoint = whole_checkpoint(run.checkpoints, run.warn) if resume else None
    if checkpoint is not None:
        demand_same_batches(checkpoint, run.course.batch_size)
    done = steps_of(checkpoint) if checkpoint else 0
    with quiet_libraries(), exact_head(model), Interruption(run.warn) as interruption:
        trainer = _trainer(model, run, interruption)
        started = time.perf_counter()
        if checkpoint is not None and done >= run.steps:  # it was stopped between training and its report
            _take_best(trainer, model, checkpoint)
        else:
            trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        elapsed = time.perf_counter() - started
    # Training in bf16 leaves the model's forward under autocast; what is measured and saved afterwards must not be.
    trainer.accelerator.unwrap_model(model, keep_fp32_wrapper=False)
    if interruption.requested:
        step = f"step {trainer.state.global_step} of {run.steps}"
        raise Interrupted(f"interrupted after {step}; everything up to that step is saved")
    return _result(trainer, run, elapsed, done)


def _take_best(trainer: CrossEncoderTrainer, model: Any, checkpoint: Path) -> None:
    """The state of a training that had ended, and the weights of its best model."""
    trainer.state = TrainerState.load_from_json(str(checkpoint / TRAINER_STATE_NAME))
    best = place_of(checkpoint.parent, trainer.state.best_global_step or steps_of(checkpoint))
    kept = best if is_whole(best) else checkpoint
    model.load_state_dict(load_trained(kept, str(model.device)).model.state_dict())


class _Trainer(CrossEncoderTrainer):
    """The trainer without its model card, which copies the user's texts."""

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """Add none."""


def _trainer(model: Any, run: RerankerFit, interruption: Interruption) -> CrossEncoderTrainer:
    lists = {"query": run.lists.queries, "documents": run.lists.documents, "label": run.lists.labels}
    work = run.work
    dev = None if run.dev is None else partial(run.dev, lambda queries, *_: work.scored(queries))
    trainer = _Trainer(
        model=model,
        args=_arguments(run, str(model.device)),
        train_dataset=Dataset.from_dict(lists),
        loss=ListNetLoss(model, mini_batch_size=PAIRS_AT_ONCE),
        evaluator=None if dev is None else DevEvaluator(dev, run.metric),
        callbacks=[
            Milestones(run.steps, run.section.checkpoint_every, evaluates=run.dev is not None),
            PairLog(run.folder / "metrics.jsonl", work),
            Sealing(run.checkpoints),
            interruption,
        ],
    )
    trainer.remove_callback(PrinterCallback)  # stdout belongs to results
    return trainer


def _arguments(run: RerankerFit, device: str) -> CrossEncoderTrainingArguments:
    section, evaluates = run.section, run.dev is not None
    some = queries_at_once(run.course.batch_size, run.lists.longest)
    arguments = CrossEncoderTrainingArguments(
        output_dir=str(run.checkpoints),
        num_train_epochs=run.course.epochs,
        max_steps=run.steps,
        per_device_train_batch_size=some,
        gradient_accumulation_steps=run.course.batch_size // some,
        learning_rate=float(section.lr),
        lr_scheduler_type=section.schedule,
        warmup_steps=math.ceil(section.warmup_share * run.steps),
        weight_decay=section.weight_decay,
        max_grad_norm=section.clip_norm,
        seed=section.seed,
        use_cpu=device == "cpu",
        bf16=run.precision == "bf16",
        fp16=run.precision == "fp16",
        eval_strategy="steps" if evaluates else "no",
        eval_steps=run.every,
        save_strategy="steps",
        save_steps=run.every,
        save_total_limit=3,
        load_best_model_at_end=evaluates,
        metric_for_best_model=f"eval_{run.metric}" if evaluates else None,
        greater_is_better=True if evaluates else None,
        logging_steps=1,
        disable_tqdm=True,
        report_to=[],
    )
    arguments._n_gpu = min(arguments.n_gpu, 1)  # one process drives one device, as when encoders train
    return arguments


def queries_at_once(batch_size: int, longest: int, pairs: int = PAIRS_AT_ONCE) -> int:
    """Queries of a forward pass: as many as a batch divides into evenly, with that many pairs at most, or one.

    >>> queries_at_once(64, 5), queries_at_once(16, 100)
    (8, 1)
    """
    sizes = [size for size in range(1, batch_size + 1) if batch_size % size == 0]
    return max((size for size in sizes if size * longest <= pairs), default=1)


def _result(trainer: CrossEncoderTrainer, run: RerankerFit, elapsed: float, done: int) -> RerankerResult:
    state = trainer.state
    curve = tuple(
        (entry["step"], {name.removeprefix("eval_"): value for name, value in entry.items() if "@" in name})
        for entry in state.log_history
        if f"eval_{run.metric}" in entry
    )
    best = state.best_global_step if run.dev is not None else None
    if best and not is_whole(place_of(run.checkpoints, best)):
        run.warn(f"the best model, of step {best}, is damaged; the model kept is that of the last step")
        best = None
    steps = max(state.global_step, done)
    seen = (steps - done) * run.course.batch_size
    chosen = _line_of(state, best)
    return RerankerResult(
        mix=float(chosen.get(f"eval_{MIX}", 0.0)),
        alone=chosen.get(f"eval_{ALONE}"),
        steps=steps,
        epochs=round(float(state.epoch or 0.0), 4),
        elapsed_s=elapsed,
        examples_per_s=seen / elapsed if elapsed > 0 else 0.0,
        best_step=best,
        curve=curve,
    )


def _line_of(state: TrainerState, step: int | None) -> dict[str, Any]:
    """What the dev evaluation of a step said; that of the last step for None."""
    lines = [line for line in state.log_history if f"eval_{MIX}" in line and step in (None, line["step"])]
    return lines[-1] if lines else {}
