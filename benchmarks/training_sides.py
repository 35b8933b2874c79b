"""The two sides of training.py, each in its own process: GIST with sentence-transformers' trainer and with embedtune.

Both get the same folder (student, guide, rows), the same batches in the same order, the same optimizer, learning rate
and schedule. Timing starts with texts in memory and models loaded and stops after the last step. It includes a frozen
guide's vectors, tokenization and the trainer's preparations, but not imports and the saving of checkpoints.
"""

# ruff: noqa: PLC0415  (each side imports only what it measures)

import json
import shutil
import sys
import time
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

TEMPERATURE = 0.01  # GISTEmbedLoss's default
WARMUP_SHARE = 0.1
MINI_BATCH_TOKENS = 16_384
LATER = 10**9
"""A step number that is never reached."""


@dataclass(frozen=True)
class Spec:
    """One measurement.

    Args:
        side: "embedtune", "peer", "peer bf16", "peer cached", which encodes in mini-batches of 32 rows, twice, or "peer
            best": bf16, mini-batches by tokens and, where it is installed, flash attention, which skips padding.
        folder: with `student`, `guide` and `rows.json`.
        batch: rows per step.
        epochs: passes over the rows.
        steps: stop after this many; None: after the epochs.
        student: name of the student's folder.
        without: the part of embedtune that is switched off, see `training_parts.py`.
        micro_batch_tokens: the option of this name, for embedtune only; None: every activation is kept.
        device: cpu or cuda.
        log: record the loss of each step.
    """

    side: str
    folder: str
    batch: int
    epochs: int
    steps: int | None = None
    student: str = "student"
    without: str | None = None
    micro_batch_tokens: int | str | None = "auto"
    device: str = "cpu"
    log: bool = False
    lr: float = 2e-5
    seed: int = 0

    @property
    def columns(self) -> dict[str, list[Any]]:
        return json.loads((Path(self.folder) / "rows.json").read_text(encoding="utf-8"))

    def path(self, name: str) -> str:
        return str(Path(self.folder) / name)


@dataclass
class Clock:
    """Wall and CPU seconds of each step, from the end of the previous one, and the logged losses."""

    last: float = 0.0
    last_cpu: float = 0.0
    steps: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)

    def callback(self) -> Any:
        """Collect what the trainer logs about its steps."""
        from transformers import TrainerCallback

        clock = self

        class Watch(TrainerCallback):
            def on_train_begin(self, *_: Any, **__: Any) -> None:
                clock.last, clock.last_cpu = time.perf_counter(), time.process_time()

            def on_step_end(self, *_: Any, **__: Any) -> None:
                now, cpu = time.perf_counter(), time.process_time()
                clock.steps.append(now - clock.last)
                clock.cpu.append(cpu - clock.last_cpu)
                clock.last, clock.last_cpu = now, cpu

            def on_log(self, *_: Any, logs: dict[str, Any] | None = None, **__: Any) -> None:
                if logs and "loss" in logs:
                    clock.losses.append(logs["loss"])

        return Watch()


def measure(spec: Spec) -> dict[str, Any]:
    """One run of one side."""
    return embedtune(spec) if spec.side == "embedtune" else peer(spec)


def peer(spec: Spec) -> dict[str, Any]:
    """sentence-transformers' trainer and GISTEmbedLoss, with their defaults where embedtune has no equivalent."""
    from datasets import Dataset
    from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer
    from sentence_transformers import SentenceTransformerTrainingArguments as Arguments
    from sentence_transformers.sentence_transformer.losses import CachedGISTEmbedLoss, GISTEmbedLoss

    best, own = spec.side == "peer best", {}
    flash = {"attn_implementation": "flash_attention_2"} if best and find_spec("flash_attn") else {}
    student, guide = (
        SentenceTransformer(spec.path(one), device=spec.device, model_kwargs=flash) for one in (spec.student, "guide")
    )
    columns, kind = spec.columns, CachedGISTEmbedLoss if best or spec.side == "peer cached" else GISTEmbedLoss
    if best:
        own = {"mini_batch_num_tokens": MINI_BATCH_TOKENS}
    clock, memory = Clock(), Memory(spec.device)
    started = time.perf_counter()
    arguments = Arguments(
        output_dir=spec.path("peer"),
        num_train_epochs=spec.epochs,
        max_steps=spec.steps or -1,
        per_device_train_batch_size=spec.batch,
        learning_rate=spec.lr,
        warmup_steps=warmup(spec, len(columns["anchor"])),
        seed=spec.seed,
        use_cpu=spec.device == "cpu",
        bf16=spec.side == "peer bf16" or best,
        batch_sampler=same_batches(columns, spec),
        save_strategy="no",
        logging_steps=1 if spec.log else 500,
        report_to=[],
        disable_tqdm=True,
    )
    trainer = SentenceTransformerTrainer(
        model=student,
        args=arguments,
        train_dataset=Dataset.from_dict(columns),
        loss=kind(student, guide, temperature=TEMPERATURE, **own),
        callbacks=[clock.callback()],
    )
    trainer.train()
    return result(clock, started, memory, guide_s=0.0)


def embedtune(spec: Spec) -> dict[str, Any]:
    """The same rows through the parts of embedtune's workflow: a frozen guide, no margin to choose, no evaluation."""
    from training_parts import RUNTIME, without

    from embedtune.runtime import settle

    if spec.without != RUNTIME:
        settle()  # as the command line does, before torch loads

    from embedtune.config.sections.objective import GuideSection, LossSection
    from embedtune.config.sections.student import StudentSection
    from embedtune.config.sections.training import TrainingSection
    from embedtune.config.verbs.train import TrainConfig
    from embedtune.models.files.load import load_encoder
    from embedtune.models.speed.precision import choose_precision
    from embedtune.training.batch.row_table import build_table
    from embedtune.training.run.fit import Fit
    from embedtune.training.run.trainer import fit
    from embedtune.training.step.matryoshka import recipe_objective
    from embedtune.workflows.shared.run_folder import RunFolder
    from embedtune.workflows.shared.talk import Silence
    from embedtune.workflows.train.guide.guiding import choose_guide
    from embedtune.workflows.train.preparing.tokenizing import tokenized

    config = TrainConfig(
        model=StudentSection(name=spec.path(spec.student)),
        guide=GuideSection(name=spec.path("guide")),
        loss=[LossSection(name="gist", args={"temperature": TEMPERATURE})],
        training=TrainingSection(
            epochs=spec.epochs,
            max_steps=spec.steps,
            batch_size=spec.batch,
            lr=spec.lr,
            warmup_share=WARMUP_SHARE,
            seed=spec.seed,
            device=spec.device,
            checkpoint_every=LATER,
            micro_batch_tokens=spec.micro_batch_tokens,
        ),
    )
    encoder, guide = (load_encoder(one, device=spec.device) for one in (config.model, config.guide))
    rows, known = rows_of(spec.columns)
    clock, memory = Clock(), Memory(spec.device)
    del guide  # loaded so that the models' memory includes it; the workflow loads its own
    with without(spec.without):
        started = time.perf_counter()
        plan = Fit(
            rows=rows,
            table=build_table(rows, known),
            objective=recipe_objective(config, encoder.dimensions),
            section=config.training,
            folder=Path(spec.path("ours")),
            lr=spec.lr,
            precision=choose_precision("auto", spec.device, has_products=encoder.has_products).name,
            device=spec.device,
            callbacks=(clock.callback(),),
        )
        shutil.rmtree(plan.folder, ignore_errors=True)
        plan.folder.mkdir()
        texts, held, _ = tokenized(
            plan, encoder, RunFolder(plan.folder), Silence(), precision=plan.precision, device=plan.device
        )
        plan = replace(plan, texts=texts, held=held)
        before_guide = time.perf_counter()
        guiding = choose_guide(config, plan, None, encoder, talk=Silence(), store=None)
        guide_s = time.perf_counter() - before_guide
        fit(encoder, replace(plan, guide=guiding.table))
    return result(clock, started, memory, guide_s=guide_s) | {"held_tokens": plan.held.tokens if plan.held else None}


def rows_of(columns: dict[str, list[Any]]) -> tuple[Any, Any]:
    """embedtune's rows from the columns, and the known pairs in them."""
    import numpy as np

    from embedtune.data.rows import Rows

    negatives = list(zip(*(own for name, own in columns.items() if name.startswith("negative")), strict=True))
    rows = Rows(anchors=columns["anchor"], positives=columns["positive"], negatives=negatives)
    return rows, np.stack([rows.anchor_ids, rows.positive_ids], axis=1)  # (R, 2)


def same_batches(columns: dict[str, list[Any]], spec: Spec) -> Any:
    """embedtune's order of the rows, for the other trainer."""
    from embedtune.training.batch.batches import DistinctBatchSampler
    from embedtune.training.batch.row_table import build_table

    rows, known = rows_of(columns)
    ids = build_table(rows, known).begin(0)
    return lambda *_, **__: DistinctBatchSampler(len(rows), lambda epoch: ids, spec.batch, spec.seed)


def warmup(spec: Spec, rows: int) -> int:
    """Steps of warm-up, as embedtune counts them."""
    steps = spec.epochs * -(-rows // spec.batch)
    return -int(-WARMUP_SHARE * min(steps, spec.steps or steps) // 1)


class Memory:
    """The peak of memory above the current level."""

    def __init__(self, device: str) -> None:
        import psutil
        import torch

        self._cuda = torch.cuda if device.startswith("cuda") else None
        if self._cuda:
            self._cuda.reset_peak_memory_stats()
            self._before = self._cuda.memory_allocated()
            return
        Path("/proc/self/clear_refs").write_text("5")  # resets the kernel's peak to the current size
        self._before = psutil.Process().memory_info().rss

    def peaks(self) -> tuple[int, int]:
        """Bytes: above the starting level, and in total."""
        if self._cuda:
            peak = self._cuda.max_memory_allocated()
        else:
            peak = int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) * 1024
        return peak - self._before, peak


def result(clock: Clock, started: float, memory: Memory, guide_s: float) -> dict[str, Any]:
    """The measurements of a side."""
    import torch

    beyond, peak = memory.peaks()
    return {
        "whole_s": clock.last - started,
        "guide_s": guide_s,
        "steps_s": clock.steps,
        "steps_cpu_s": clock.cpu,
        "losses": clock.losses,
        "beyond_models_bytes": beyond,
        "peak_bytes": peak,
        "threads": torch.get_num_threads(),
    }


if __name__ == "__main__":
    print(json.dumps(measure(Spec(**json.loads(sys.argv[1])))))
