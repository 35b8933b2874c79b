"""`embedtune mine`: find hard negatives for a data set."""

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
    Precision,
    Prompts,
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
    app.command("mine", short_help="Find hard negatives for a data set.")(mine)


def mine(
    words: Words = None,
    data: Data = None,
    split: Annotated[str | None, typer.Option(metavar="NAME", help="The split to mine for.")] = None,
    columns: Columns = None,
    corpus: Annotated[
        str | None, typer.Option(metavar="PATH", help="Candidates: a file or a BEIR folder; else those of the data.")
    ] = None,
    model: Model = None,
    prompts: Prompts = None,
    max_length: MaxLength = None,
    trust_remote_code: TrustRemoteCode = False,
    allow_pickle: AllowPickle = False,
    output: Annotated[str | None, typer.Option(metavar="FILE", help="A .jsonl or .parquet file.")] = None,
    format: Annotated[
        str | None,
        typer.Option(metavar="rows|triplet|n-tuple|...", help="Layout of the output; a wrong name lists them all."),
    ] = None,
    negatives: Annotated[int | None, typer.Option(metavar="N", help="How many a query.")] = None,
    candidates: Annotated[
        str | None, typer.Option(metavar="dense|bm25|dense+bm25", help="What finds the candidates.")
    ] = None,
    range: Annotated[
        str | None, typer.Option(metavar="LOW:HIGH", help="Ranks to take from; 0 is the nearest non-positive.")
    ] = None,
    min_score: Annotated[float | None, typer.Option(metavar="SCORE", help="Candidates score at least this.")] = None,
    max_score: Annotated[float | None, typer.Option(metavar="SCORE", help="Candidates score at most this.")] = None,
    margin: Annotated[
        float | None, typer.Option(metavar="NUMBER", help="Candidates score this much below the positive.")
    ] = None,
    relative_margin: Annotated[
        float | None, typer.Option(metavar="SHARE", help="The same as a share of the positive's score, such as 0.05.")
    ] = None,
    percent_of_positive: Annotated[
        float | None,
        typer.Option(metavar="PERCENT", help="Candidates score at most this percentage of the positive's score."),
    ] = None,
    preset: Annotated[
        str | None, typer.Option(metavar="hardest|semi-hard|threshold", help="Filters by their usual names.")
    ] = None,
    target_kept: Annotated[
        str | None,
        typer.Option(metavar="SHARE|auto|none", help="Share of candidates that a margin chosen for you keeps."),
    ] = None,
    guide: Annotated[str | None, typer.Option(metavar="MODEL", help="Its opinion drops candidates as well.")] = None,
    cross_encoder: Annotated[str | None, typer.Option(metavar="MODEL", help="Scores every pair, and drops.")] = None,
    sampling: Annotated[
        str | None, typer.Option(metavar="top|random|weighted|spread", help="Which of the kept to take.")
    ] = None,
    group: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Texts that share its value are no negatives of each other.")
    ] = None,
    index: Annotated[
        str | None, typer.Option(metavar="exact|FACTORY", help="A FAISS index_factory string for a large corpus.")
    ] = None,
    memory: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Most memory to search with, such as 2GiB.")
    ] = None,
    relabel: Annotated[str | None, typer.Option(metavar="LEDGER", help="An edited ledger of an earlier job.")] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Of the draws, the sample and the starter.")] = None,
    device: Device = None,
    precision: Precision = None,
    store: Store = None,
    keep_job: Annotated[bool, typer.Option("--keep-job", help="Leave the job folder beside the output.")] = False,
    restart: Annotated[bool, typer.Option("--restart", help="Begin anew what an interruption left.")] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Find hard negatives for every query, in a file that `embedtune train --data` reads.

    Interrupted at any point, the same command goes on where it was.
    """
    from embedtune.config.mine import MINE_KEYS
    from embedtune.config.recipe.load import load_mining

    config = load_mining(*recipe_and_values(words or []), given(locals(), MINE_KEYS))
    if dry_run:
        print_recipe(config, as_json=as_json)
        return
    from embedtune.workflows.mine.run import mine as run_mining

    talk = StreamTalk(quiet=quiet)
    print_result(run_mining(config, talk=talk, restart=restart), as_json=as_json, told=talk.told)
