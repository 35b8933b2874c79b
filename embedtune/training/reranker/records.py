"""What the training of a cross-encoder leaves on disk: a line per step, and checkpoints that can be trusted."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from embedtune.distributed import ranks
from embedtune.durable import seal_folder, sync, write_text
from embedtune.training.reranker.work import PairsToRead
from embedtune.training.run.checkpoint import MANIFEST_NAME, place_of
from embedtune.training.run.log import read_log
from embedtune.training.run.watch import how_it_goes


@dataclass(eq=False)
class PairLog(TrainerCallback):
    """Appends the trainer's line of each step to `metrics.jsonl`, and says how it goes."""

    path: Path
    work: PairsToRead

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Cut the lines of steps that will be repeated."""
        done = [line for line in read_log(self.path) if line["step"] <= state.global_step] if state.global_step else []
        write_text(self.path, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in done))

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **parts: Any) -> None:
        """Append the line of a step."""
        logs = parts["logs"]
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": state.global_step, **logs}, ensure_ascii=False) + "\n")
        if "loss" in logs:
            self.work.learned(state.global_step, how_it_goes(state, float(logs["loss"])))


@dataclass(eq=False)
class Sealing(TrainerCallback):
    """Seals each checkpoint with a manifest: only what has one is resumed from."""

    folder: Path

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Seal the checkpoint of this step."""
        checkpoint = place_of(self.folder, state.global_step)
        (checkpoint / MANIFEST_NAME).unlink(missing_ok=True)
        sync(checkpoint)
        size = args.per_device_train_batch_size * args.gradient_accumulation_steps
        batches = {"batch_size": size, "processes": ranks()}
        seal_folder(checkpoint, MANIFEST_NAME, {"step": state.global_step, **batches})
