"""`embedtune check`: look at data before spending hours on them."""

from typing import Annotated

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
    TrustRemoteCode,
    Words,
    given,
    recipe_and_values,
)
from embedtune.cli.shared.output import StreamTalk, print_recipe, print_result
from embedtune.errors import GuardError


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("check", short_help="Look at data before spending hours on them.")(check)


def check(
    words: Words = None,
    data: Data = None,
    split: Annotated[str | None, typer.Option(metavar="NAME", help="The split to learn from; train if none.")] = None,
    columns: Columns = None,
    group: Annotated[str | None, typer.Option(metavar="COLUMN", help="Its values are never divided.")] = None,
    eval_data: Annotated[
        str | None, typer.Option(metavar="SET", help="Test queries to look for in training; else the data's own.")
    ] = None,
    eval_split: Annotated[str | None, typer.Option(metavar="NAME", help="The split of them; test if none.")] = None,
    corpus: Annotated[
        str | None, typer.Option(metavar="PATH", help="Documents to look at too: a file or a BEIR folder.")
    ] = None,
    model: Model = None,
    prompts: Prompts = None,
    max_length: MaxLength = None,
    batch_size: Annotated[int | None, typer.Option(metavar="PAIRS", help="Pairs a step of training.")] = None,
    epochs: Annotated[int | None, typer.Option(metavar="N", help="Of the forecast.")] = None,
    fix: Annotated[
        str | None, typer.Option(metavar="OUT.jsonl", help="Write a cleaned copy, and say what changed.")
    ] = None,
    fail_on: Annotated[
        str | None, typer.Option(metavar="error|warning|note", help="Exit code 3 when there is such a finding.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(metavar="N", help="Of queries drawn from classes, and of a starter.")
    ] = None,
    device: Device = None,
    trust_remote_code: TrustRemoteCode = False,
    allow_pickle: AllowPickle = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Look for what makes a run or its test mean something else: swapped, repeated, leaked, damaged or cut texts.

    Without --model lengths are in words; with it in tokens, and vocabulary, prompts and a forecast come too.
    """
    from embedtune.config.check import CHECK_KEYS
    from embedtune.config.recipe.load import load_check

    recipe, values = recipe_and_values(words or [])
    config = load_check(given(locals(), CHECK_KEYS), values, recipe)
    if dry_run:
        print_recipe(config, as_json=as_json)
        return
    from embedtune.workflows.check.run import check as run_check

    result = run_check(config, talk=StreamTalk(quiet=quiet))
    print_result(result, as_json=as_json)
    if result.failed:
        StreamTalk(quiet=quiet).warn(f"--fail-on {config.check.fail_on} holds: the verdict is {result.verdict}")
        raise typer.Exit(GuardError.exit_code)
