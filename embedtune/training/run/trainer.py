"""One training run on sentence-transformers' trainer: schedule, checkpoints, dev evaluation, best model, resume.

sentence-transformers is wrapped through its documented hooks only: a loss module, an evaluator, a batch sampler,
callbacks.
"""

import math
import time
from collections.abc import Sequence
from pathlib import Path

from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments
from transformers import PrinterCallback, TrainerCallback

from embedtune.distributed import any_rank, is_first, of_first, same_weights
from embedtune.errors import Interrupted, OutputError, StoppedError
from embedtune.models.encode.tokenizer import Tokenizer
from embedtune.models.encoder import Encoder
from embedtune.models.files.quiet import quiet_libraries
from embedtune.models.speed.dropout import fast_dropout
from embedtune.models.speed.peak import matrix_peak
from embedtune.models.towers.two_sides import static_side_rates
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
from embedtune.training.run.checkpoint import (
    ExtraState,
    Milestones,
    demand_same_batches,
    is_whole,
    place_of,
    steps_of,
    whole_checkpoint,
)
from embedtune.training.run.fit import Fit, FitResult, TrainingTask
from embedtune.training.run.loop import DevEvaluator, Loop
from embedtune.training.run.needed import (
    companions_for,
    head_rates,
    learning_embeddings,
    row_optimizer,
    with_embeddings,
)
from embedtune.training.run.pace import Pace, training_flops
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
from embedtune.training.step.nonfinite import FiniteGradients, all_finite


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


def _fit(encoder: Encoder, run: Fit, *, resume: bool) -> FitResult:
    companions = companions_for(run, encoder)
    texts, held = run.texts or texts_of(run, encoder), run.held or Held.asked(run.section.micro_batch_tokens)
    if held.tokens is not None:
        check_device(run.device)
    adapter = ObjectiveAdapter(
        encoder.model,
        run.objective,
        run.table,
        run.guide,
        companions,
        further_views=run.further_views,
        kept=held.tokens,
        frozen=run.frozen,
    )
    same_weights(adapter)
    flops = training_flops(encoder, run.section.freeze_layers, begun=is_begun(texts))
    pace = Pace(adapter, flops, None if flops is None or run.trial else matrix_peak(run.precision, run.device))
    checkpoint = _checkpoint(run) if resume else None
    if checkpoint is not None:
        demand_same_batches(checkpoint, run.course.batch_size)
    done = steps_of(checkpoint) if checkpoint else 0
    log = MetricsLog(run.metrics, adapter, pace)
    start = None if run.dev is None or not run.evaluates else StartingPoint(encoder, run.dev, run.dev_metric, log)
    if resume:
        run.say(_resumed(done, run.steps))
    stopping = None if run.section.patience is None or not run.evaluates else EarlyStopping(run.section.patience)
    over = done >= run.steps or (checkpoint is not None and stopping is not None and stopping.at_end(checkpoint))
    with quiet_libraries(), Interruption(run.warn, STOPPING_TRIAL if run.trial else STOPPING) as interruption:
        trainer = Loop(
            # A run that had ended, within an epoch or before the last one, would take one step too many when resumed.
            rows=0 if over else len(run.rows),
            text_ids=_text_ids(run, texts),
            groups=run.rows.groups if run.section.batches == "clusters" else None,
            row_optimizer=row_optimizer(run.section.embeddings),
            sources=run.rows.sources,
            mixing=run.mixing,
            model=encoder.model,
            args=_arguments(run, encoder),
            train_dataset=row_numbers(len(run.rows)),
            data_collator=MicroBatchCollator(texts, held),
            loss=adapter,
            evaluator=DevEvaluator(run.dev, run.dev_metric) if run.dev is not None and run.evaluates else None,
            callbacks=[
                pace,
                StepCount(adapter, run.progress),
                FiniteGradients(adapter, adapter.last_rows),
                *_records(run, adapter, log, checkpoint),
                *([start] if start else []),
                *([stopping] if stopping else []),
                *run.callbacks,
                *(one for one in companions if isinstance(one, TrainerCallback)),
                MaskingGuard(adapter),
                interruption,
            ],
        )
        trainer.remove_callback(PrinterCallback)  # stdout belongs to results
        started = time.perf_counter()
        try:
            trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        except StoppedError as error:
            _keep_state(trainer, adapter, run, error)
            raise
        finally:
            # Training in bf16 leaves the model's forward under autocast; what is measured and saved afterwards must not
            # depend on it.
            trainer.accelerator.unwrap_model(encoder.model, keep_fp32_wrapper=False)
            # accelerate would take the model of a second run for one that is prepared already, and train it in fp32.
            encoder.model.__dict__.pop("_is_accelerate_prepared", None)
        elapsed = time.perf_counter() - started
    if any_rank(interruption.requested):
        step = f"step {trainer.state.global_step} of {run.steps}"
        raise Interrupted(
            f"interrupted after {step} of a short trial run, before training began; nothing was saved"
            if run.trial
            else f"interrupted after {step}; everything up to that step is saved"
        )
    _check_best(trainer, run)
    if start is not None and trainer.state.best_global_step == 0:
        start.restore()
    same_weights(encoder.model)  # the first process alone has loaded the best checkpoint
    return _result(trainer, run, elapsed, trainer.state.global_step - done, pace)


def _checkpoint(run: Fit) -> Path | None:
    """The checkpoint to resume from, which the first of several processes finds; it removes damaged ones.

    Raises:
        OutputError: this process cannot see it.
    """
    found = of_first(lambda: str(whole_checkpoint(run.checkpoints, run.warn) or ""))
    if found and not Path(found).is_dir():
        raise OutputError(
            "this machine does not see the checkpoint that the first process found",
            where=found,
            next="keep the run folder (--output) on a disk that all machines share, under the same path",
        )
    return Path(found) if found else None


def _resumed(done: int, asked: int) -> str:
    """Where a resumed run goes on.

    >>> _resumed(0, 9), _resumed(3, 9)
    ('no step is saved yet: starting at the first', 'resuming after step 3 of 9')
    >>> _resumed(12, 9)
    'resuming after step 12; no more than 9 are asked for now, so none is added'
    """
    if done > asked:
        return f"resuming after step {done:,}; no more than {asked:,} are asked for now, so none is added"
    return f"resuming after step {done:,} of {asked:,}" if done else "no step is saved yet: starting at the first"


def _check_best(trainer: Loop, run: Fit) -> None:
    """Warn if the best model could not be loaded at the end: the trainer silently keeps the last one instead."""
    state = trainer.state
    if run.evaluates and state.best_global_step:  # 0 is the start, which has no checkpoint
        if is_whole(place_of(run.checkpoints, state.best_global_step)):
            return
        run.warn(
            f"the best model, of step {state.best_global_step}, is damaged; the model kept is that of the last step"
        )
        state.best_global_step = None


def _keep_state(trainer: Loop, adapter: ObjectiveAdapter, run: Fit, error: StoppedError) -> None:
    """Save the state of a run that is stopped, and add its step to the message; never save broken weights."""
    if run.trial:
        return
    step = trainer.state.global_step
    if all_finite(adapter):
        if not is_whole(place_of(run.checkpoints, step)):
            trainer.keep_state()
        error.message += f"; the state after step {step} is saved"
    else:
        error.message += "; the weights are already broken, so only earlier checkpoints are kept"


def _records(run: Fit, adapter: ObjectiveAdapter, log: MetricsLog, checkpoint: Path | None) -> list[TrainerCallback]:
    """Callbacks that write checkpoints and the log of a run; a trial has none of them."""
    if run.trial:
        return []
    guide = [] if run.guide is None else [run.guide]
    return [
        ExtraState(run.checkpoints, run.objective, [*guide, *adapter.companions], checkpoint, run.warn),
        Milestones(run.steps, run.section.checkpoint_every, evaluates=run.evaluates),
        log,
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


def _arguments(run: Fit, encoder: Encoder) -> SentenceTransformerTrainingArguments:
    section = run.section
    asked = section.evaluate_every
    evaluate_every = min(run.steps_per_epoch if asked in (None, "auto") else asked, run.steps)
    save_every = evaluate_every if run.evaluates else section.checkpoint_every or run.steps_per_epoch
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(run.checkpoints),
        num_train_epochs=run.course.epochs,
        max_steps=run.steps,
        per_device_train_batch_size=run.course.batch_size,
        learning_rate=run.lr,
        learning_rate_mapping=head_rates(run) | static_side_rates(encoder, run.lr) | dict(encoder.rates),
        lr_scheduler_type=section.schedule,
        warmup_steps=math.ceil(section.warmup_share * run.steps),
        weight_decay=section.weight_decay,
        max_grad_norm=section.clip_norm,
        bf16=run.precision == "bf16",
        fp16=run.precision == "fp16",
        seed=section.seed,
        use_cpu=run.device == "cpu",
        eval_strategy="steps" if run.evaluates else "no",
        eval_steps=evaluate_every,
        save_strategy="no" if run.trial else "steps",
        save_steps=save_every,
        # The newest, the one before it in case that is damaged, and the best.
        save_total_limit=3 if run.evaluates else 2,
        load_best_model_at_end=run.evaluates,
        metric_for_best_model=f"eval_{run.dev_metric}" if run.evaluates else None,
        greater_is_better=True if run.evaluates else None,
        logging_steps=1,
        disable_tqdm=True,
        report_to=list(run.trackers) if is_first() else [],
        run_name=run.checkpoints.parent.name,
        dataloader_num_workers=section.workers,
        dataloader_pin_memory=run.device.startswith("cuda"),
        # Otherwise transformers may publish what a finished run sent to trackio.
        **({"trackio_static_space_id": False} if "trackio" in run.trackers else {}),
    )
    # With several GPUs visible, the trainer would split each batch over them with DataParallel, which silently
    # shrinks the pool of in-batch negatives. One process drives one device; no public option says so.
    arguments._n_gpu = min(arguments.n_gpu, 1)
    return arguments


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
