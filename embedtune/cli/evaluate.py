"""`embedtune evaluate`: score encoders, BM25 and other people's rankings on judged sets."""

from typing import Annotated

import typer

from embedtune.cli.shared.options import (
    AllowPickle,
    AsJson,
    Columns,
    Device,
    DryRun,
    MaxLength,
    Precision,
    Quiet,
    Store,
    TrustRemoteCode,
    Words,
    given,
    recipe_and_values,
)
from embedtune.cli.shared.output import StreamTalk, print_recipe, print_result


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("evaluate", short_help="Score encoders on a judged set.")(evaluate)


def evaluate(
    words: Words = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MODEL",
            help="A Hub name, a folder (such as RUN/model), starter or bm25; give several to compare them.",
        ),
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option(metavar="SET", help="A file, a folder or hf:owner/name; the built-in samples if none."),
    ] = None,
    train_data: Annotated[
        list[str] | None,
        typer.Option(metavar="SET", help="What the models learned from, where they are no run of embedtune."),
    ] = None,
    split: Annotated[
        str | None, typer.Option(metavar="NAME", help="The split whose queries are asked; test if none.")
    ] = None,
    columns: Columns = None,
    task: Annotated[
        str | None,
        typer.Option(
            metavar="auto|retrieval|similarity|candidates|triplets", help="What the sets are for; auto if none."
        ),
    ] = None,
    candidates: Annotated[
        str | None, typer.Option(metavar="FILE", help="Rows of label and text, several a label, to choose among.")
    ] = None,
    wordings: Annotated[
        str | None, typer.Option(metavar="best|mean", help="Which of a label's wordings gives its score.")
    ] = None,
    metrics: Annotated[
        str | None, typer.Option(metavar="NAME@K,...", help="Such as ndcg@10,map@100; the first decides comparisons.")
    ] = None,
    query_model: Annotated[str | None, typer.Option(metavar="MODEL", help="Another encoder for the queries.")] = None,
    dimensions: Annotated[
        str | None, typer.Option(metavar="64,128,...", help="Score vectors cut to these dimensions too.")
    ] = None,
    quantize: Annotated[
        list[str] | None,
        typer.Option(metavar="int8|binary|binary-rescored", help="Score vectors kept in 8 bits or 1 bit too."),
    ] = None,
    run: Annotated[
        list[str] | None, typer.Option(metavar="FILE.trec", help="Score somebody else's ranking, in TREC's format.")
    ] = None,
    prompts: Annotated[
        list[str] | None,
        typer.Option(metavar='query="...",document="..."', help="Text put before each; once, or once for each model."),
    ] = None,
    max_length: MaxLength = None,
    trust_remote_code: TrustRemoteCode = False,
    allow_pickle: AllowPickle = False,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Of the statistics and of the starter.")] = None,
    device: Device = None,
    precision: Precision = None,
    output: Annotated[str | None, typer.Option(metavar="FOLDER", help="A new folder for rankings and report.")] = None,
    store: Store = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Score encoders on a judged set, with 95% intervals; each is compared with the first.

    Without arguments the starter and BM25 are scored on the samples that come with embedtune. The output folder gets a
    TREC run a model, the values of every query and a report.
    """
    from embedtune.config.evaluate import EVALUATE_KEYS
    from embedtune.config.recipe.load import load_evaluation

    recipe, values = recipe_and_values(words or [])
    config = load_evaluation(given(locals(), EVALUATE_KEYS), values, recipe)
    if dry_run:
        print_recipe(config, as_json=as_json)
        return
    from embedtune.workflows.evaluate.run import evaluate as run_evaluation

    talk = StreamTalk(quiet=quiet)
    print_result(run_evaluation(config, talk=talk), as_json=as_json, told=talk.told)
