"""What sentence-transformers' trainer is asked for, in its own words."""

import math

from sentence_transformers import SentenceTransformerTrainingArguments

from embedtune.distributed import is_first
from embedtune.models.encoder import Encoder
from embedtune.models.towers.two_sides import static_side_rates
from embedtune.training.run.fit import Fit
from embedtune.training.run.needed import head_rates


def arguments_of(run: Fit, encoder: Encoder) -> SentenceTransformerTrainingArguments:
    """The arguments of a run: its course, rates, precision, evaluations and checkpoints."""
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
