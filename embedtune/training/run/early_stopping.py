"""Early stopping: a run ends when dev scores no longer rise, also if it was interrupted after that point."""

from pathlib import Path
from typing import Any

from transformers import EarlyStoppingCallback, TrainerControl, TrainerState, TrainingArguments

from embedtune.training.run.checkpoint import trainer_state


class EarlyStopping(EarlyStoppingCallback):
    """Stops after a number of dev evaluations without gain; a resumed run counts those before the interruption too.

    Args:
        evaluations: the patience.
    """

    def __init__(self, evaluations: int) -> None:
        super().__init__(evaluations)

    def at_end(self, checkpoint: Path) -> bool:
        """Whether a run had waited long enough when it wrote this checkpoint."""
        return waited(trainer_state(checkpoint)) >= self.early_stopping_patience

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Start with the count that the checkpoint had reached."""
        super().on_train_begin(args, state, control)
        self.early_stopping_patience_counter = waited(state)


def waited(state: TrainerState) -> int:
    """Dev evaluations since the best one.

    >>> log = [{"step": step, "eval_ndcg@10": 0.5} for step in (4, 8, 12)]
    >>> waited(TrainerState(log_history=log, best_global_step=4))
    2
    """
    evaluated = {entry["step"] for entry in state.log_history if any(name.startswith("eval_") for name in entry)}
    return sum(step > (state.best_global_step or 0) for step in evaluated)
