"""A finished run that is named again: its result is shown, its lost model is saved again, or it trains on.

It trains on only if that adds steps. Everything else that may have changed would do nothing, and is refused.
"""

from collections.abc import Sequence

from embedtune.config.course import Course
from embedtune.config.sections.training import TrainingSection
from embedtune.config.verbs.train import TrainConfig
from embedtune.errors import ConfigError, OutputError
from embedtune.workflows.shared.run_folder import REPORT, RunFolder
from embedtune.workflows.shared.talk import Talk


def is_complete(run: RunFolder, talk: Talk) -> bool:
    """Whether a finished run still has its model; says so where that has to be saved again from a checkpoint.

    Raises:
        OutputError: the model is gone, and so are the checkpoints.
    """
    if run.has_model:
        return True
    if not run.trained:
        raise OutputError(
            f"this run is finished, but its model {run.model} is gone, and so are its checkpoints",
            where=str(run.path),
            next="put the model back, or train again with another --output",
        )
    talk.warn(f"the model of this finished run, {run.model}, is gone or incomplete; saving it again from a checkpoint")
    return False


def demand_more_steps(run: RunFolder, config: TrainConfig, rows: int, changes: Sequence[str]) -> None:
    """Refuse changes of a finished run that give it nothing more to do.

    Args:
        run: the finished run.
        config: the recipe with the changes.
        rows: how many are trained on.
        changes: in words.

    Raises:
        ConfigError: no step would be added, or there is no checkpoint to train on from.
    """
    done, then = run.result().steps, run.recipe().training
    said = f"this run is finished after {done:,} steps, and these changes would train no further: {'; '.join(changes)}"
    started_from = f": --model {run.model}, with another --output" if run.has_model else " and another --output"
    again = f"start a new run with them{started_from}"
    if _steps(config.training, rows) <= done:
        needed = "larger --epochs" if then.max_steps is None else "larger --epochs and --max-steps"
        raise ConfigError(said, where=str(run.path), next=f"ask for more steps ({needed}), or {again}")
    patience = config.training.patience
    if done < _steps(then, rows) and patience is not None and patience <= (then.patience or 0):
        raise ConfigError(
            f"{said} (it ended early, because dev scores no longer rose)",
            where=str(run.path),
            next=f"raise training.patience, now {then.patience}, or {again}",
        )
    if not run.trained:
        raise ConfigError(
            f"this run is finished after {done:,} steps and cannot train on: its checkpoints are gone",
            where=str(run.path),
            next=f"{again}; --keep-checkpoints keeps those of a finished run",
        )


def _steps(section: TrainingSection, rows: int) -> int:
    # Its recipe was settled when the run began.
    return Course.of(section, rows, static=False).steps(rows)


def reopen(run: RunFolder) -> None:
    """Make a finished run one that can be resumed: it is finished again once its new report is written."""
    (run.path / REPORT).unlink()
