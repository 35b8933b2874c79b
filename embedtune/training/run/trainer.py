"""One training run on sentence-transformers' trainer: schedule, checkpoints, dev evaluation, best model, resume.

sentence-transformers is wrapped through its documented hooks only: a loss module, an evaluator, a batch sampler,
callbacks.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sentence_transformers import SentenceTransformerTrainer
from transformers import PrinterCallback, TrainerCallback

from embedtune.distributed import any_rank, same_weights
from embedtune.errors import Interrupted, StoppedError
from embedtune.models.encode.tokenizer import Tokenizer
from embedtune.models.encoder import Encoder
from embedtune.models.files.quiet import quiet_libraries
from embedtune.models.speed.dropout import fast_dropout
from embedtune.models.speed.peak import matrix_peak
from embedtune.progress import Progress
from embedtune.training.batch.batches import TextIds
from embedtune.training.batch.micro_batches import MicroBatchCollator, row_numbers
from embedtune.training.batch.row_prompts import prompted, without_prompts
from embedtune.training.batch.row_texts import (
    BatchTexts,
    QueryTexts,
    RowTexts,
    ViewedTexts,
    is_begun,
    read_texts,
)
from embedtune.training.run.arguments import arguments_of
from embedtune.training.run.checkpoint import (
    ExtraState,
    Milestones,
    demand_same_batches,
    steps_of,
)
from embedtune.training.run.fit import Fit, FitResult, TrainingTask
from embedtune.training.run.loop import DevEvaluator, Loop
from embedtune.training.run.needed import (
    companions_for,
    learning_embeddings,
    row_optimizer,
    with_embeddings,
)
from embedtune.training.run.pace import Pace, training_flops
from embedtune.training.run.resuming import check_best, going_on, keep_state, resumed_from
from embedtune.training.run.start import StartingPoint
from embedtune.training.run.watch import (
    STOPPING,
    STOPPING_TRIAL,
    EarlyStopping,
    Interruption,
    MaskingGuard,
    MetricsLog,
    StepCount,
)
from embedtune.training.step.adapter import ObjectiveAdapter
from embedtune.training.step.gradcache import check_device
from embedtune.training.step.held import Held
from embedtune.training.step.nonfinite import FiniteGradients
from embedtune.training.step.second_pass import SecondPass, check_repeats


def fit(encoder: Encoder, run: Fit, *, resume: bool = False) -> FitResult:
    """Train the encoder in place and leave the best model (by dev, where there is one) in it.

    With `resume`, continue from the newest complete checkpoint of `run.folder`, if there is one.

    Raises:
        Interrupted: Ctrl-C; a checkpoint was written.
        StoppedError: the loss is not finite, or everything is masked.
        ConfigError: this encoder or device does not support what the section asks for.
    """
    run = with_embeddings(run, encoder)
    with learning_embeddings(encoder, run), fast_dropout(encoder.model, 0.0 if run.section.dropout == "off" else None):
        return _fit(encoder, run, resume=resume)


@dataclass(frozen=True)
class _Parts:
    """What a run is made of, before its first step."""

    texts: BatchTexts
    held: Held
    adapter: ObjectiveAdapter
    pace: Pace
    log: MetricsLog
    start: StartingPoint | None
    stopping: EarlyStopping | None
    checkpoint: Path | None

    @property
    def done(self) -> int:
        """Steps that were made before."""
        return steps_of(self.checkpoint) if self.checkpoint else 0

    def over(self, steps: int) -> bool:
        """Whether a resumed run had ended, after so many steps or before."""
        early = self.checkpoint is not None and self.stopping is not None and self.stopping.at_end(self.checkpoint)
        return self.done >= steps or early


def _fit(encoder: Encoder, run: Fit, *, resume: bool) -> FitResult:
    parts = _parts(encoder, run, resume=resume)
    if resume:
        run.say(going_on(parts.done, run.steps))
    with quiet_libraries(), Interruption(run.warn, STOPPING_TRIAL if run.trial else STOPPING) as interruption:
        trainer = _loop(encoder, run, parts, interruption)
        elapsed = _trained(trainer, encoder, run, parts)
    if any_rank(interruption.requested):
        raise _interrupted(trainer, run)
    check_best(trainer, run)
    if parts.start is not None and trainer.state.best_global_step == 0:
        parts.start.restore()
    same_weights(encoder.model)  # the first process alone has loaded the best checkpoint
    return _result(trainer, run, elapsed, trainer.state.global_step - parts.done, parts.pace)


def _parts(encoder: Encoder, run: Fit, *, resume: bool) -> _Parts:
    companions = companions_for(run, encoder)
    texts, held = run.texts or texts_of(run, encoder), run.held or Held.asked(run.section.micro_batch_tokens)
    if held.tokens is not None:
        check_device(run.device)
    below = run.section.skip_below
    if below:
        check_repeats(texts.reader)
    adapter = ObjectiveAdapter(
        encoder.model,
        run.objective,
        run.table,
        run.guide,
        companions,
        further_views=run.further_views,
        kept=held.tokens,
        frozen=run.frozen,
        second=SecondPass(below) if below else None,
    )
    same_weights(adapter)
    # Of a step that leaves texts out, nobody counts the products.
    flops = None if below else training_flops(encoder, run.section.freeze_layers, begun=is_begun(texts))
    pace = Pace(adapter, flops, None if flops is None or run.trial else matrix_peak(run.precision, run.device))
    checkpoint = resumed_from(run) if resume else None
    if checkpoint is not None:
        demand_same_batches(checkpoint, run.course.batch_size)
    log = MetricsLog(run.metrics, adapter, pace)
    start = None if run.dev is None or not run.evaluates else StartingPoint(encoder, run.dev, run.dev_metric, log)
    stopping = None if run.section.patience is None or not run.evaluates else EarlyStopping(run.section.patience)
    return _Parts(texts, held, adapter, pace, log, start, stopping, checkpoint)


def _loop(encoder: Encoder, run: Fit, parts: _Parts, interruption: Interruption) -> Loop:
    """The trainer of the run, with all that listens to it."""
    adapter = parts.adapter
    trainer = Loop(
        # A run that had ended, within an epoch or before the last one, would take one step too many when resumed.
        rows=0 if parts.over(run.steps) else len(run.rows),
        text_ids=_text_ids(run, parts.texts),
        groups=run.rows.groups if run.section.batches == "clusters" else None,
        row_optimizer=row_optimizer(run.section.embeddings),
        sources=run.rows.sources,
        mixing=run.mixing,
        model=encoder.model,
        args=arguments_of(run, encoder),
        train_dataset=row_numbers(len(run.rows)),
        data_collator=MicroBatchCollator(parts.texts, parts.held),
        loss=adapter,
        evaluator=DevEvaluator(run.dev, run.dev_metric) if run.dev is not None and run.evaluates else None,
        callbacks=[
            parts.pace,
            StepCount(adapter, run.progress),
            FiniteGradients(adapter, adapter.last_rows),
            *_records(run, parts),
            *([parts.start] if parts.start else []),
            *([parts.stopping] if parts.stopping else []),
            *run.callbacks,
            *(one for one in adapter.companions if isinstance(one, TrainerCallback)),
            MaskingGuard(adapter),
            interruption,
        ],
    )
    trainer.remove_callback(PrinterCallback)  # stdout belongs to results
    return trainer


def _trained(trainer: Loop, encoder: Encoder, run: Fit, parts: _Parts) -> float:
    """The seconds that training took; a run that is stopped keeps what it can.

    Raises:
        StoppedError: the loss is not finite, or everything is masked.
    """
    started = time.perf_counter()
    try:
        trainer.train(resume_from_checkpoint=str(parts.checkpoint) if parts.checkpoint else None)
    except StoppedError as error:
        keep_state(trainer, parts.adapter, run, error)
        raise
    finally:
        # Training in bf16 leaves the model's forward under autocast; what is measured and saved afterwards must not
        # depend on it.
        trainer.accelerator.unwrap_model(encoder.model, keep_fp32_wrapper=False)
        # accelerate would take the model of a second run for one that is prepared already, and train it in fp32.
        encoder.model.__dict__.pop("_is_accelerate_prepared", None)
    return time.perf_counter() - started


def _interrupted(trainer: Loop, run: Fit) -> Interrupted:
    step = f"step {trainer.state.global_step} of {run.steps}"
    if run.trial:
        return Interrupted(f"interrupted after {step} of a short trial run, before training began; nothing was saved")
    return Interrupted(f"interrupted after {step}; everything up to that step is saved")


def _records(run: Fit, parts: _Parts) -> list[TrainerCallback]:
    """Callbacks that write checkpoints and the log of a run; a trial has none of them."""
    if run.trial:
        return []
    guide = [] if run.guide is None else [run.guide]
    return [
        ExtraState(run.checkpoints, run.objective, [*guide, *parts.adapter.companions], parts.checkpoint, run.warn),
        Milestones(run.steps, run.section.checkpoint_every, evaluates=run.evaluates),
        parts.log,
    ]


def texts_of(run: TrainingTask, encoder: Encoder, progress: Progress | None = None) -> BatchTexts:
    """The texts that batches are made of: tokenized now or, where views change them, batch by batch."""
    rows = prompted(run.rows, encoder.prompts)
    if rows is not None and run.frozen is None and (run.views is None or not run.views.alters):
        curriculum = run.table.curriculum
        texts = RowTexts(rows, curriculum.stored, curriculum)
        return read_texts(Tokenizer(without_prompts(encoder)), texts, progress)
    reader = Tokenizer(encoder)
    if run.views is not None and run.views.alters:
        return ViewedTexts(reader, run.rows, run.views)
    if run.frozen is not None:
        texts = run.table.texts
        return QueryTexts(reader, texts, reader.tokenize(texts.queries, "query", progress))
    return read_texts(reader, run.table.texts, progress)


def _text_ids(run: Fit, texts: BatchTexts) -> TextIds:
    """Ids of each row's texts by epoch; also makes the negatives and the views of the epoch take effect."""
    always = None if run.table.curriculum.changes else run.table.begin(0)

    def begin(epoch: int) -> Sequence[Sequence[int]]:
        texts.begin(epoch)
        return run.table.begin(epoch) if always is None else always

    return begin


def _result(trainer: SentenceTransformerTrainer, run: Fit, elapsed: float, steps_now: int, pace: Pace) -> FitResult:
    state = trainer.state
    curve = tuple(
        (entry["step"], {name.removeprefix("eval_"): value for name, value in entry.items() if "@" in name})
        for entry in state.log_history
        if f"eval_{run.dev_metric}" in entry
    )
    seen = len(run.rows) * steps_now / run.steps_per_epoch
    return FitResult(
        steps=state.global_step,
        epochs=round(float(state.epoch or 0.0), 4),
        elapsed_s=elapsed,
        examples_per_s=seen / elapsed if elapsed > 0 else 0.0,
        tokens_per_s=pace.tokens_per_s,
        flops_per_s=pace.flops_per_s,
        share_of_peak=pace.share_of_peak,
        best_step=state.best_global_step if run.evaluates else None,
        curve=curve,
    )
