"""`embedtune train`: fine-tune an encoder and say whether it became better."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from embedtune.cli.shared.options import (
    AllowPickle,
    AsJson,
    Columns,
    Data,
    Device,
    DryRun,
    MaxLength,
    Model,
    Prompts,
    Quiet,
    Store,
    TrustRemoteCode,
    Words,
    given,
    recipe_and_values,
)
from embedtune.cli.shared.output import StreamTalk, print_recipe, print_result
from embedtune.errors import ConfigError
from embedtune.runtime import loading

if TYPE_CHECKING:
    from embedtune.config.train import TrainConfig
    from embedtune.workflows.shared.run_folder import RunFolder


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("train", short_help="Fine-tune an encoder and measure what it became.")(train)


def train(
    words: Words = None,
    data: Data = None,
    split: Annotated[str | None, typer.Option(metavar="NAME", help="The split to learn from.")] = None,
    eval_data: Annotated[
        str | None,
        typer.Option(metavar="SET", help="Another source for the test queries, and dev's if the data have none."),
    ] = None,
    eval_split: Annotated[str | None, typer.Option(metavar="NAME", help="The split the verdict is read from.")] = None,
    columns: Columns = None,
    group: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Its values are never divided by a split.")
    ] = None,
    known_positives: Annotated[
        str | None, typer.Option(metavar="direct|closure", help="What is never a negative of an anchor.")
    ] = None,
    texts_only: Annotated[
        bool, typer.Option("--texts-only", help="Learn from the texts alone, without the pairs that the data have.")
    ] = False,
    views: Annotated[
        str | None,
        typer.Option(metavar="NAME[:STRENGTH]+...", help="How a text alone becomes a pair, as crop+delete:0.1."),
    ] = None,
    loss: Annotated[
        list[str] | None, typer.Option(metavar="NAME[:WEIGHT]", help="A loss; give several for a sum.")
    ] = None,
    margin: Annotated[str | None, typer.Option(metavar="auto|NUMBER", help="Margin of the first loss.")] = None,
    matryoshka: Annotated[
        str | None, typer.Option(metavar="256,128,...", help="Smaller dimensions to train too, to cut vectors to.")
    ] = None,
    queue: Annotated[
        int | None, typer.Option(metavar="N", help="Past positives that join the candidates of gist, infonce and moco.")
    ] = None,
    model: Model = None,
    guide: Annotated[
        str | None, typer.Option(metavar="self|none|MODEL|FILE", help="Decides what is a false negative.")
    ] = None,
    prompts: Prompts = None,
    max_length: MaxLength = None,
    trust_remote_code: TrustRemoteCode = False,
    allow_pickle: AllowPickle = False,
    epochs: Annotated[int | None, typer.Option(metavar="N", help="Passes over the training pairs.")] = None,
    max_steps: Annotated[int | None, typer.Option(metavar="N", help="Stop after this many steps.")] = None,
    batch_size: Annotated[int | None, typer.Option(metavar="PAIRS", help="Pairs a step.")] = None,
    lr: Annotated[str | None, typer.Option(metavar="auto|NUMBER", help="Learning rate.")] = None,
    precision: Annotated[str | None, typer.Option(metavar="auto|fp32|bf16|fp16", help="Of the products.")] = None,
    device: Device = None,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Of the split, the shuffle and the starter.")] = None,
    output: Annotated[str | None, typer.Option(metavar="FOLDER", help="The run folder.")] = None,
    store: Store = None,
    resume: Annotated[str | None, typer.Option(metavar="auto|RUN", help="Go on with an interrupted run.")] = None,
    accept_changes: Annotated[
        bool, typer.Option("--accept-changes", help="With --resume: go on with other options or data than before.")
    ] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Fine-tune an encoder and measure what it became.

    Without arguments it trains on the samples that come with embedtune, from a starter encoder built on the spot.
    """
    from embedtune.config.options import KEYS

    options = given(locals(), KEYS)
    talk = StreamTalk(quiet=quiet)
    config, run = _plan(words or [], options, resume, talk, accept_changes=accept_changes)
    if dry_run:
        print_recipe(config, as_json=as_json)
        return
    if run is not None and run.done:
        talk.say(f"{run.path} is done already")
        result = run.result()
    else:
        from embedtune.workflows.train.run import train as run_training

        result = run_training(config, talk=talk, resume=run, accept_changes=accept_changes)
    print_result(result, as_json=as_json, told=talk.told)


def _plan(
    words: list[str], options: dict[str, Any], resume: str | None, talk: StreamTalk, *, accept_changes: bool
) -> "tuple[TrainConfig, RunFolder | None]":
    """The recipe to run, completed where the data leave something open, and the run to go on with.

    Raises:
        ConfigError: two recipes, whatever is wrong with the one, or another recipe than that of the run to go on with.
    """
    from embedtune.config.recipe.load import load_config
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
    config = load_config(
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
