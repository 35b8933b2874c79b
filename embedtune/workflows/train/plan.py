"""The plan of a run: which recipe, which run to resume, what the data suggest, and what may not change on the way.

`embedtune train --dry-run` ends with it. Nothing is written, and no model is loaded.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedtune.config.recipe.load import load
from embedtune.config.sections.objective import LossSection
from embedtune.config.verbs.train import TrainConfig
from embedtune.data.sources.base import Source
from embedtune.data.sources.reading.unchanged import declare_encoding, declare_read_besides
from embedtune.data.sources.source import open_source
from embedtune.errors import ConfigError, DataError, raise_machine_fault
from embedtune.losses import loss_names
from embedtune.losses.shared.base import Loss
from embedtune.workflows.shared.relocation import found_again
from embedtune.workflows.shared.run_folder import RECIPE, RunFolder
from embedtune.workflows.shared.talk import Talk
from embedtune.workflows.train.changes import as_begun, refuse_changes
from embedtune.workflows.train.graded_proposal import with_grades
from embedtune.workflows.train.kept.query_side_recipe import for_query_side
from embedtune.workflows.train.recipe_checks import asked_to_teach, built_term, built_terms
from embedtune.workflows.train.unpaired_proposal import proposed

AUTO = "auto"
"""`--resume auto`: resume the run in the run folder if there is one, else start one."""


@dataclass(frozen=True)
class TrainPlan:
    """A run that is about to start or to be resumed.

    Args:
        config: the complete recipe.
        losses: its losses, built to check their arguments; the run builds its own.
        source: the data, opened; None where nothing had to look into them yet, or they could not be opened.
        run: the run to resume, which may be done already; None starts a new one.
        changes: what differs from the run's own recipe, in words, where that was accepted.
        accept_changes: whether the data may differ, too.
    """

    config: TrainConfig
    losses: tuple[Loss, ...]
    source: Source | None = None
    run: RunFolder | None = None
    changes: tuple[str, ...] = ()
    accept_changes: bool = False


def plan_command(
    recipe: str | None,
    values: Sequence[str],
    options: Mapping[str, Any],
    *,
    talk: Talk,
    resume: str | None = None,
    accept_changes: bool = False,
) -> TrainPlan:
    """The plan of a command line.

    Args:
        recipe: a file or the name of a built-in recipe, or None.
        values: overrides, each `dotted.key=value`.
        options: the options given, by Python name.
        talk: receives what is proposed, with the reasons.
        resume: a run folder or `auto`; None starts a new run.
        accept_changes: resume although options or data differ from those that the run was started with.

    Raises:
        ConfigError: everything that is wrong with the recipe; there is no run to resume, or it has another recipe.
    """
    run = run_to_resume(resume, options.get("output"))
    named = recipe is not None or bool(values) or not set(options) <= {"output"}
    if run is not None and (resume != AUTO or not named):
        # A run named by its folder resumes with its own recipe; `auto` comes with a complete command.
        recipe = recipe or str(run.path / RECIPE)
    losses: list[Loss] = []
    config = load(
        TrainConfig,
        recipe,
        values,
        options,
        known_losses=loss_names(),
        check_args=lambda name, args: losses.append(built_term(name, args)),
    )
    if config.task == "reranker" and "loss" in options:  # a run's own recipe names the default
        raise ConfigError(
            "a cross-encoder learns lists of candidates, and no loss of ours",
            where="--loss",
            next="leave out --loss or --task reranker",
        )
    if run is not None:
        config = found_again(config, run.started_in)
    return _completed(config, losses, run, talk, accept_changes=accept_changes)


def plan_config(
    config: TrainConfig, *, talk: Talk, resume: RunFolder | None = None, accept_changes: bool = False
) -> TrainPlan:
    """The plan of a recipe that is loaded already; arguments as of `plan_command`.

    Raises:
        ConfigError: an argument of a loss is unknown or out of range, or the run to resume has another recipe.
    """
    return _completed(config, built_terms(config), resume, talk, accept_changes=accept_changes)


def run_to_resume(resume: str | None, output: str | None) -> RunFolder | None:
    """The run that `--resume` means; None where a new one is to be started.

    Raises:
        ConfigError: the folder holds no run, or `auto` has no folder to look into.
    """
    if resume is None:
        return None
    if resume == AUTO and output is None:
        raise ConfigError(
            "--resume auto resumes whatever run is in the run folder, and no run folder is named",
            where="--resume",
            next="add --output FOLDER, or name the run: --resume runs/...",
        )
    if resume != AUTO and output is not None and Path(output) != Path(resume):
        raise ConfigError(
            f"a run resumes in its own folder, {resume}, and not in {output}", where="--output", next="leave it out"
        )
    run = RunFolder(Path(output if resume == AUTO and output else resume).expanduser())
    if run.begun:
        return run
    if resume == AUTO:
        return None
    raise ConfigError(
        f"there is no run in {run.path}",
        where="--resume",
        next="name the folder that an earlier `embedtune train` printed, or leave --resume out",
    )


def _completed(
    config: TrainConfig, losses: Sequence[Loss], run: RunFolder | None, talk: Talk, *, accept_changes: bool
) -> TrainPlan:
    """The plan, with what the recipe leaves open proposed, and changes of a resumed run refused."""
    declare_encoding(config.data.encoding)
    declare_read_besides(config.domains.column)
    named = config.loss
    config, own = for_query_side(with_own_losses(asked_to_teach(config)))
    for sentence in own:
        talk.say(sentence)
    source = None if config.data.views is not None else _opened(config)
    complete, reasons = (config, ()) if source is None else proposed(config, source)
    complete, graded = with_grades(complete, source)
    for reason in (*reasons, *graded):
        talk.say(reason)
    if run is not None:
        complete = as_begun(complete, run)
    if complete.loss is not named:
        losses = built_terms(complete)
    changes = [] if run is None else refuse_changes(run, complete, accept=accept_changes)
    return TrainPlan(complete, tuple(losses), source, run, tuple(changes), accept_changes)


def with_own_losses(config: TrainConfig) -> TrainConfig:
    """The recipe with the losses of its data where these are one set and the recipe names none."""
    data = config.data
    if data.further or not data.loss:
        return config
    if "loss" in config.model_fields_set:
        raise ConfigError(
            "both the recipe and its only data set name losses", where="data.loss", next="leave out one of them"
        )
    losses = [LossSection(name=one.name, weight=one.weight, args=one.args) for one in data.loss]
    return config.model_copy(update={"loss": losses, "data": data.model_copy(update={"loss": []})})


def _opened(config: TrainConfig) -> Source | None:
    """The data; None where it cannot be opened, which is reported when it is read, after the faults of the recipe."""
    try:
        return open_source(config.data.source)
    except DataError as error:
        raise_machine_fault(error, Path(config.data.source))
        return None
