"""What a checkpoint needs beside the trainer's own files, when one is written, and which one can be trusted."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer import TRAINER_STATE_NAME
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from embedtune.training.companions import Companion
from embedtune.training.guide import GuideTable
from embedtune.training.objective import Objective

EXTRA_NAME = "embedtune_state.safetensors"


def complete_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint whose last file was written, or None.

    `ExtraState` writes its file after everything else, so a checkpoint without it was cut off.
    """
    found = [path for path in folder.glob(f"{PREFIX_CHECKPOINT_DIR}-*") if path.name.rsplit("-", 1)[-1].isdigit()]
    whole = [path for path in found if (path / EXTRA_NAME).is_file() and (path / TRAINER_STATE_NAME).is_file()]
    return max(whole, key=steps_of, default=None)


def steps_of(checkpoint: Path) -> int:
    """How many steps a checkpoint comes after.

    >>> steps_of(Path("run/checkpoints/checkpoint-120"))
    120
    """
    return int(checkpoint.name.rsplit("-", 1)[-1])


class ExtraState(TrainerCallback):
    """Saves and restores what the trainer's checkpoint leaves out: tensors of losses, guide and companions.

    Without it a resumed run would learn with a fresh temperature, an empty queue and without its guide.

    Args:
        folder: where the trainer keeps its checkpoints.
        objective: the losses.
        kept: the guide and the companions, where there are any.
        checkpoint: what the run goes on from, or None.
    """

    def __init__(
        self, folder: Path, objective: Objective, kept: Sequence[GuideTable | Companion], checkpoint: Path | None
    ) -> None:
        self._folder = folder
        self._objective = objective
        self._kept = kept
        self._checkpoint = checkpoint

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        if self._checkpoint is None:
            return
        # The trainer forgets its best model when the run folder is named from elsewhere or has been moved.
        best = self._folder / f"{PREFIX_CHECKPOINT_DIR}-{state.best_global_step}"
        state.best_model_checkpoint = str(best) if best.is_dir() else state.best_model_checkpoint
        saved = load_file(self._checkpoint / EXTRA_NAME)
        own = {name.removeprefix("objective."): value for name, value in saved.items() if name.startswith("objective.")}
        self._objective.load_state_dict(own)
        for one in self._kept:
            one.restore(saved)

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        tensors: dict[str, Tensor] = {
            f"objective.{name}": value.detach().cpu().contiguous()
            for name, value in self._objective.state_dict().items()
        }
        for one in self._kept:
            tensors |= one.state()
        target = self._folder / f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}" / EXTRA_NAME
        partial = target.with_suffix(".partial")
        save_file(tensors, partial)
        partial.replace(target)


class Milestones(TrainerCallback):
    """Evaluates and saves at the last step too, and saves at the steps the user asked for."""

    def __init__(self, steps: int, every: int | None, *, evaluates: bool) -> None:
        self._steps = steps
        self._every = every
        self._evaluates = evaluates

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        last = state.global_step >= self._steps
        control.should_evaluate = control.should_evaluate or (last and self._evaluates)
        if last or (self._every is not None and state.global_step % self._every == 0):
            control.should_save = True
