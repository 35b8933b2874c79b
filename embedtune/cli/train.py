"""`embedtune train`: fine-tune an encoder and say whether it became better."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any

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
from embedtune.cli.shared.output import StreamTalk, print_json, print_recipe, print_renderable, print_text
from embedtune.runtime import loading


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
    with loading():  # torch
        from embedtune.workflows.train.plan import plan_command

    recipe, values = recipe_and_values(words or [])
    plan = plan_command(recipe, values, options, talk=talk, resume=resume, accept_changes=accept_changes)
    if dry_run:
        print_recipe(plan.config, as_json=as_json)
        return
    from embedtune.workflows.train.run import run_plan

    result = run_plan(plan, talk=talk).as_json()
    print_json(result) if as_json else _print(result, talk.told)


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
