"""What a checkpoint needs in addition to the trainer's own files, when one is written, and which one can be trusted.

The trainer writes into a folder that has its final name from the start. A checkpoint is complete once it has its
manifest, which is written after everything else is on disk, and intact while every file matches its checksum there.
"""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from embedtune.distributed import is_first, ranks
from embedtune.durable import seal_folder, sync, unseal_folder
from embedtune.errors import ConfigError, DataError
from embedtune.training.companions import Companion
from embedtune.training.guide.vectors import GuideTable
from embedtune.training.step.objective import Objective

EXTRA_NAME = "embedtune_state.safetensors"
MANIFEST_NAME = "embedtune_manifest.json"
Warn = Callable[[str], None]


def whole_checkpoint(folder: Path, warn: Warn) -> Path | None:
    """The newest checkpoint that is intact; None if none was completed yet.

    Newer ones are removed, so that they cannot be mistaken for the newest again; with a warning if they were complete.

    Raises:
        DataError: every checkpoint is damaged.
        OSError: the machine cannot read them now; nothing is removed.
    """
    found = [path for path in folder.glob(f"{PREFIX_CHECKPOINT_DIR}-*") if path.name.rsplit("-", 1)[-1].isdigit()]
    useless: list[Path] = []
    for path in sorted(found, key=steps_of, reverse=True):
        if not is_whole(path):
            useless.append(path)
            continue
        for step in _damaged(useless):
            warn(
                f"the checkpoint of step {step} is damaged and was removed; resuming from that of step {steps_of(path)}"
            )
        for one in useless:
            shutil.rmtree(one)
        return path
    if _damaged(useless):
        raise DataError(
            f"every checkpoint of this run is damaged: of steps {', '.join(map(str, _damaged(useless)))}",
            where=str(folder),
            next="start a new run; on another disk (--output) if this one is failing",
        )
    for one in useless:
        shutil.rmtree(one)
    return None


def demand_same_batches(checkpoint: Path, batch_size: int) -> None:
    """Refuse to resume with batches of another size: steps would stand for other rows.

    The number of processes may be another one: a batch is that of all of them together.

    Raises:
        ConfigError: the checkpoint was written with other batches.
    """
    then = unseal_folder(checkpoint, MANIFEST_NAME) or {}
    before = then.get("batch_size", batch_size)
    if before != batch_size:
        raise ConfigError(
            f"this checkpoint counts other batches, so the rest of the run would leave rows out or repeat them: "
            f"batch size {before} then, {batch_size} now",
            where=str(checkpoint),
            next=f"resume as it was started, or start a new run from it: --model {checkpoint}",
        )


def is_whole(checkpoint: Path) -> bool:
    """Whether a checkpoint was completed and none of its files is missing, cut off or changed since."""
    return unseal_folder(checkpoint, MANIFEST_NAME) is not None


def steps_of(checkpoint: Path) -> int:
    """The number of steps before a checkpoint.

    >>> steps_of(Path("run/checkpoints/checkpoint-120"))
    120
    """
    return int(checkpoint.name.rsplit("-", 1)[-1])


def place_of(folder: Path, step: int) -> Path:
    """The folder of the checkpoint of a step, among those of a run."""
    return folder / f"{PREFIX_CHECKPOINT_DIR}-{step}"


def _damaged(checkpoints: Sequence[Path]) -> list[int]:
    """Steps of those that had been completed; the others were cut off while being written, which does no harm."""
    return [steps_of(path) for path in checkpoints if (path / MANIFEST_NAME).is_file()]


@dataclass(eq=False)
class ExtraState(TrainerCallback):
    """Saves and restores what the trainer's checkpoint leaves out: tensors of losses, guide and companions.

    Without it a resumed run would learn with a fresh temperature, an empty queue and without its guide.

    Args:
        folder: where the trainer keeps its checkpoints.
        objective: the losses.
        kept: the guide and the companions, where there are any.
        checkpoint: that the run resumes from, or None.
        warn: receives what is damaged.
    """

    folder: Path
    objective: Objective
    kept: Sequence[GuideTable | Companion]
    checkpoint: Path | None
    warn: Warn

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **parts: Any
    ) -> None:
        """Restore what the checkpoint kept, where the run resumes from one."""
        if self.checkpoint is None:
            return
        self._find_best(state, f"{args.metric_for_best_model}")
        saved = load_file(self.checkpoint / EXTRA_NAME)
        own = {name.removeprefix("objective."): value for name, value in saved.items() if name.startswith("objective.")}
        self.objective.load_state_dict(own)
        for one in self.kept:
            one.restore(saved)

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Add our tensors to the trainer's checkpoint, then seal it with a manifest; the first process does."""
        if not is_first():
            return
        tensors: dict[str, Tensor] = {
            f"objective.{name}": value.detach().cpu().contiguous()
            for name, value in self.objective.state_dict().items()
        }
        for one in self.kept:
            tensors |= one.state()
        checkpoint = place_of(self.folder, state.global_step)
        (checkpoint / MANIFEST_NAME).unlink(missing_ok=True)
        save_file(tensors, checkpoint / EXTRA_NAME)
        sync(checkpoint)
        batches = {"batch_size": args.per_device_train_batch_size, "processes": ranks()}
        seal_folder(checkpoint, MANIFEST_NAME, {"step": state.global_step, **batches})

    def _find_best(self, state: TrainerState, metric: str) -> None:
        """Find the best model so far, wherever the run folder is now; the start, with a warning, if it is damaged.

        The trainer silently ends with the last model if it cannot load the best one.
        """
        if not state.best_global_step:  # 0 is the start, which the run was given
            return
        best = place_of(self.folder, state.best_global_step)
        if is_whole(best):
            state.best_model_checkpoint = str(best)
            return
        self.warn(
            f"the best model so far, of step {state.best_global_step}, is damaged; the start and later ones can be kept"
        )
        start = next((entry for entry in state.log_history if entry["step"] == 0 and metric in entry), None)
        state.best_model_checkpoint = None
        state.best_global_step, state.best_metric = (None, None) if start is None else (0, start[metric])


@dataclass(eq=False)
class Milestones(TrainerCallback):
    """Evaluates and saves at the last step too, and saves at the steps that the user asked for."""

    steps: int
    every: int | None
    evaluates: bool

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Ask for an evaluation and a checkpoint where they are due."""
        last = state.global_step >= self.steps
        control.should_evaluate = control.should_evaluate or (last and self.evaluates)
        if last or (self.every is not None and state.global_step % self.every == 0):
            control.should_save = True
