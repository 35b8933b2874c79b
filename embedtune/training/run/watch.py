"""What is watched during training: loss terms and gauges of each step, masking that goes too far, dev scores that
no longer rise, interruptions.
"""

import json
import math
import signal
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from transformers import EarlyStoppingCallback, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer import TRAINER_STATE_NAME

from embedtune.distributed import any_rank, is_first, rank, ranks
from embedtune.durable import write_text
from embedtune.errors import StoppedError
from embedtune.progress import Progress
from embedtune.training.run.log import read_log
from embedtune.training.run.pace import Pace
from embedtune.training.step.adapter import ObjectiveAdapter

ALL_MASKED_STEPS = 50
DEV_SHOWN = "eval_ndcg@10"
"""The dev score shown while training: another one may choose the model, but this is the one people know."""
STOPPING = "stopping after this step and saving it; interrupt again to stop now"
STOPPING_TRIAL = "stopping after this step of a short trial run, which saves nothing; interrupt again to stop now"


@dataclass(eq=False)
class MetricsLog(TrainerCallback):
    """Appends one JSON object per step to `metrics.jsonl`: the trainer's log line, the losses' gauges and the pace.

    A resumed run continues the file after the step it resumes from; lines of steps that will be repeated are cut. Of
    several processes, the first writes.
    """

    path: Path
    adapter: ObjectiveAdapter
    pace: Pace

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Cut the lines of steps that will be repeated."""
        if not is_first():
            return
        done = [line for line in read_log(self.path) if line["step"] <= state.global_step] if state.global_step else []
        write_text(self.path, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in done))

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **parts: Any) -> None:
        """Append the line of a step."""
        line = {"step": state.global_step, **parts["logs"]}
        if "loss" in line:
            line |= self.adapter.gauges() | self.pace.gauges()
        self.add(line)

    def add(self, line: Mapping[str, Any]) -> None:
        """Append a line."""
        if not is_first():
            return
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


@dataclass(eq=False)
class StepCount(TrainerCallback):
    """Tells the losses the global step, and the user how far the run is and how it goes."""

    adapter: ObjectiveAdapter
    progress: Progress | None

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Report where a resumed run goes on."""
        if self.progress is not None and state.global_step:
            self.progress(state.global_step, None, how_it_goes(state, None))

    def on_step_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Pass the global step on to the losses.

        Several processes draw their dropout anew in each step, so that a resumed run draws the same: its checkpoint has
        the random states of the first only.
        """
        self.adapter.step = state.global_step
        if ranks() > 1:
            torch.manual_seed(args.seed + (state.global_step + 1) * ranks() + rank())

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Report the step, with epoch, loss and the last dev score."""
        if self.progress is not None:
            loss = None if self.adapter.loss is None else float(self.adapter.loss)
            self.progress(state.global_step, None, how_it_goes(state, loss))


def how_it_goes(state: TrainerState, loss: float | None) -> str:
    """Epoch, where there are several, loss and last dev score in words.

    >>> log = [{"step": 2, "eval_ndcg@10": 0.4}, {"step": 3, "loss": 4.0}, {"step": 4, "eval_ndcg@10": 0.512}]
    >>> how_it_goes(TrainerState(log_history=log, epoch=1.5, num_train_epochs=3), 3.14159)
    'epoch 2 of 3, loss 3.142, dev nDCG@10 0.512'
    >>> how_it_goes(TrainerState(epoch=0.5, num_train_epochs=1), 3.14159)
    'loss 3.142'
    """
    scores = [entry[DEV_SHOWN] for entry in state.log_history if DEV_SHOWN in entry]
    epochs = state.num_train_epochs
    parts = [f"epoch {math.ceil(state.epoch or 1):,} of {epochs:,}"] if epochs > 1 else []
    parts += [] if loss is None else [f"loss {loss:.4g}"]
    return ", ".join([*parts, *(f"dev nDCG@10 {score:.3f}" for score in scores[-1:])])


class MaskingGuard(TrainerCallback):
    """Stops a run in which every negative of every row has been masked for 50 steps: it learns nothing.

    A loss reports this as its gauge `empty_share`, the share of rows without any negative left.
    """

    def __init__(self, adapter: ObjectiveAdapter) -> None:
        self._adapter = adapter
        self._steps = 0

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Count steps in a row in which everything is masked.

        Raises:
            StoppedError: there were too many.
        """
        shares = [value for name, value in self._adapter.objective.gauges().items() if name.endswith(".empty_share")]
        self._steps = self._steps + 1 if shares and min(shares) >= 1.0 else 0
        if self._steps >= ALL_MASKED_STEPS:
            raise StoppedError(
                f"every negative of every row has been masked for {ALL_MASKED_STEPS} steps, so nothing is learned",
                where=f"step {state.global_step}",
                next="use a smaller --margin or --guide none; without a guide, too many rows share their texts",
            )


class EarlyStopping(EarlyStoppingCallback):
    """Stops after a number of dev evaluations without gain; a resumed run counts those before the interruption too."""

    def at_end(self, checkpoint: Path) -> bool:
        """Whether a run had waited long enough when it wrote this checkpoint."""
        state = TrainerState.load_from_json(str(checkpoint / TRAINER_STATE_NAME))
        return waited(state) >= self.early_stopping_patience

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Start with the count that the checkpoint had reached."""
        super().on_train_begin(args, state, control)
        self.early_stopping_patience_counter = waited(state)
        # The trainer writes into the entry of each callback, and a checkpoint of a run without patience has none.
        state.stateful_callbacks.setdefault(type(self).__name__, self.state())


def waited(state: TrainerState) -> int:
    """Dev evaluations since the best one.

    >>> log = [{"step": step, "eval_ndcg@10": 0.5} for step in (4, 8, 12)]
    >>> waited(TrainerState(log_history=log, best_global_step=4))
    2
    """
    evaluated = {entry["step"] for entry in state.log_history if any(name.startswith("eval_") for name in entry)}
    return sum(step > (state.best_global_step or 0) for step in evaluated)


class Interruption(TrainerCallback):
    """Turns the first Ctrl-C (or SIGTERM) into a checkpoint and an orderly stop; a second one stops at once.

    Args:
        tell: receives at once that the first one was noticed.
        stopping: what it is told.
    """

    def __init__(self, tell: Callable[[str], None] = lambda text: None, stopping: str = STOPPING) -> None:
        self.requested = False
        self._tell, self._stopping = tell, stopping
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> "Interruption":
        # Python delivers signals to the main thread only; elsewhere (a notebook's worker) Ctrl-C keeps its usual
        # meaning.
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._previous[number] = signal.signal(number, self._request)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _request(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
        # From a thread: this one may be writing a line itself, and a stream cannot be entered twice.
        threading.Thread(target=self._tell, args=(self._stopping,), daemon=True).start()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Save and stop where that was requested, of any process."""
        self.requested = any_rank(self.requested)
        if self.requested:
            # A dev evaluation that is due takes place: the resumed run starts after it and would lack its score.
            control.should_save = args.save_strategy != "no"
            control.should_training_stop = True
