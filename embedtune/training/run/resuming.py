"""Where a run resumes from, and what it keeps where it ends: after the last step, or because it was stopped."""

from pathlib import Path

from embedtune.distributed import of_first
from embedtune.errors import OutputError, StoppedError
from embedtune.training.run.checkpoint import is_whole, place_of, whole_checkpoint
from embedtune.training.run.fit import Fit
from embedtune.training.run.loop import Loop
from embedtune.training.step.adapter import ObjectiveAdapter
from embedtune.training.step.nonfinite import all_finite


def resumed_from(run: Fit) -> Path | None:
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


def going_on(done: int, asked: int) -> str:
    """Where a resumed run goes on.

    >>> going_on(0, 9), going_on(3, 9)
    ('no step is saved yet: starting at the first', 'resuming after step 3 of 9')
    >>> going_on(12, 9)
    'resuming after step 12; no more than 9 are asked for now, so none is added'
    """
    if done > asked:
        return f"resuming after step {done:,}; no more than {asked:,} are asked for now, so none is added"
    return f"resuming after step {done:,} of {asked:,}" if done else "no step is saved yet: starting at the first"


def check_best(trainer: Loop, run: Fit) -> None:
    """Warn if the best model could not be loaded at the end: the trainer silently keeps the last one instead."""
    state = trainer.state
    if run.evaluates and state.best_global_step:  # 0 is the start, which has no checkpoint
        if is_whole(place_of(run.checkpoints, state.best_global_step)):
            return
        run.warn(
            f"the best model, of step {state.best_global_step}, is damaged; the model kept is that of the last step"
        )
        state.best_global_step = None


def keep_state(trainer: Loop, adapter: ObjectiveAdapter, run: Fit, error: StoppedError) -> None:
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
