"""`embedtune encode`: texts into vectors."""

from typing import Annotated

import typer

from embedtune.cli.shared.options import (
    AllowPickle,
    AsJson,
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
    app.command("encode", short_help="Turn texts into vectors.")(encode)


def encode(
    words: Words = None,
    model: Model = None,
    data: Annotated[
        str | None,
        typer.Option(metavar="SET", help="A text file, rows with a column of texts, a BEIR folder or hf:owner/name."),
    ] = None,
    column: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="The column of texts, where its name does not tell.")
    ] = None,
    output: Annotated[
        str | None, typer.Option(metavar="FILE", help="vectors.npy, or .parquet with ids and texts beside them.")
    ] = None,
    role: Annotated[
        str | None,
        typer.Option(metavar="query|document", help="Whose prompt the texts get; of a BEIR folder, what is encoded."),
    ] = None,
    prompts: Prompts = None,
    max_length: MaxLength = None,
    dtype: Annotated[str | None, typer.Option(metavar="float32|float16", help="Of the numbers in a .npy file.")] = None,
    trust_remote_code: TrustRemoteCode = False,
    allow_pickle: AllowPickle = False,
    device: Device = None,
    precision: Precision = None,
    store: Store = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Turn texts into vectors of length 1, in the order of the texts.

    Memory does not grow with their number. Interrupted at any point, the same command goes on where it was. A parquet
    file serves `embedtune train --guide FILE`.
    """
    from embedtune.config.encode import ENCODE_KEYS
    from embedtune.config.recipe.load import load_encoding

    recipe, values = recipe_and_values(words or [])
    config = load_encoding(given(locals(), ENCODE_KEYS), values, recipe)
    if dry_run:
        print_recipe(config, as_json=as_json)
        return
    from embedtune.workflows.encode.run import encode as run_encoding

    print_result(run_encoding(config, talk=StreamTalk(quiet=quiet)), as_json=as_json)
