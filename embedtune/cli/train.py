"""`embedtune train`: fine-tune an encoder and measure what it became."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from embedtune import api
from embedtune.cli.shared.options import AcceptChanges, Resume
from embedtune.cli.shared.output import print_renderable, print_text
from embedtune.cli.shared.verb import Asked, add_verb
from embedtune.errors import ConfigError
from embedtune.runtime import loading
from embedtune.workflows.shared.stream_talk import StreamTalk

if TYPE_CHECKING:
    from embedtune.config.train import TrainConfig
    from embedtune.workflows.shared.run_folder import RunFolder

EXAMPLES = """
embedtune train
embedtune train --data pairs.jsonl --loss gist --output runs/first
embedtune train gist-pairs --data pairs.jsonl training.epochs=3
embedtune train --data pairs.jsonl --output runs/first --resume auto
"""


def register(app: typer.Typer) -> None:
    """Add the verb."""
    add_verb(app, train, EXAMPLES)


def train(asked: Asked, resume: Resume = None, accept_changes: AcceptChanges = False) -> None:
    """Fine-tune an encoder and measure what it became.

    Without arguments it trains on the samples that ship with embedtune, from a starter encoder built on the spot.
    """
    config, run = _plan(list(asked.words), dict(asked.options), resume, asked.talk, accept_changes=accept_changes)
    asked.wanted(config)
    if run is not None and run.done:
        asked.talk.say(f"{run.path} is already done")
        result = run.result()
    else:
        result = api.train(config, talk=asked.talk, resume=run, accept_changes=accept_changes).as_json()
    asked.print(result, _print)


def _print(result: Mapping[str, Any], told: Collection[str]) -> None:
    """The table and the verdict, and where everything is."""
    from embedtune.reports.document.terminal import verdict_table

    parts = ("before", "after", "before_unseen", "after_unseen", "verdict")
    print_renderable(
        verdict_table(
            *(result[part] for part in parts),
            test_queries=result["test_queries"],
            unseen_queries=result["unseen_queries"],
            findings=result["findings"],
            told=told,
        )
    )
    print_text(f"\nmodel   {result['model']}\nreport  {result.get('report') or Path(result['run']) / 'report.md'}")


def _plan(
    words: list[str], options: dict[str, Any], resume: str | None, talk: StreamTalk, *, accept_changes: bool
) -> "tuple[TrainConfig, RunFolder | None]":
    """The recipe to run, completed where the data leave something open, and the run to go on with.

    Raises:
        ConfigError: two recipes, whatever is wrong with the one, or another recipe than that of the run to go on with.
    """
    from embedtune.config.recipe.load import load, recipe_and_values
    from embedtune.config.train import TrainConfig
    from embedtune.losses import loss_names
    from embedtune.workflows.shared.run_folder import RECIPE

    with loading():  # torch
        from embedtune.workflows.shared.relocation import found_again
        from embedtune.workflows.train.changes import refuse_changes
        from embedtune.workflows.train.needs import check_term
        from embedtune.workflows.train.proposal import proposed

    recipe, values = recipe_and_values(words)
    run = _run_to_resume(resume, options.get("output"))
    if run is not None and (resume != "auto" or (not words and set(options) <= {"output"})):
        recipe = recipe or str(run.path / RECIPE)  # a run named goes on as it was; `auto` repeats a whole command
    config = load(
        TrainConfig,
        recipe,
        values,
        options,
        known_losses=loss_names(),
        check_args=check_term,
    )
    if run is not None:
        config = found_again(config, run.started_in)
    config, reasons = proposed(config)
    for reason in reasons:
        talk.say(reason)
    if run is not None:
        refuse_changes(run, config, accept=accept_changes)
    return config, run


def _run_to_resume(resume: str | None, output: str | None) -> "RunFolder | None":
    """The run that `--resume` means; None where a new one is to be started.

    Raises:
        ConfigError: the folder holds no run, or `auto` has no folder to look into.
    """
    if resume is None:
        return None
    if resume == "auto" and output is None:
        raise ConfigError(
            "--resume auto goes on with whatever the run folder holds, and no run folder is named",
            where="--resume",
            next="add --output FOLDER, or name the run: --resume runs/...",
        )
    if resume != "auto" and output is not None and Path(output) != Path(resume):
        raise ConfigError(
            f"a run goes on in its own folder, {resume}, and not in {output}", where="--output", next="leave it out"
        )
    from embedtune.workflows.shared.run_folder import RunFolder

    run = RunFolder(Path(output if resume == "auto" and output else resume).expanduser())
    if run.begun:
        return run
    if resume == "auto":
        return None
    raise ConfigError(
        f"there is no run in {run.path}",
        where="--resume",
        next="name the folder that an earlier `embedtune train` printed, or leave --resume out",
    )
