"""`embedtune search`: try encoders on a corpus by hand."""

import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Annotated

import typer

from embedtune.cli.shared.options import (
    AllowPickle,
    AsJson,
    Device,
    DryRun,
    MaxLength,
    Precision,
    Quiet,
    Store,
    TrustRemoteCode,
    given,
)
from embedtune.cli.shared.output import StreamTalk, print_json, print_recipe, print_renderable, print_text
from embedtune.errors import ConfigError

_PROMPT = "query> "


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("search", short_help="Try encoders on a corpus by hand.")(search)


def search(
    query: Annotated[
        str | None,
        typer.Argument(metavar="QUERY", help="What to look for; typed again and again if none.", show_default=False),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MODEL",
            help="A Hub name, a folder (such as RUN/model), starter or bm25; give two to see them abreast.",
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(metavar="SET", help="A BEIR folder, a file of texts, pairs (their documents) or hf:owner/name."),
    ] = None,
    column: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="The column of texts, where its name does not tell.")
    ] = None,
    top: Annotated[
        int | None, typer.Option("--top", "-k", metavar="N", help="How many results a query gets; 5 if none.")
    ] = None,
    query_model: Annotated[str | None, typer.Option(metavar="MODEL", help="Another encoder for the queries.")] = None,
    prompts: Annotated[
        list[str] | None,
        typer.Option(metavar='query="...",document="..."', help="Text put before each; once, or once for each model."),
    ] = None,
    max_length: MaxLength = None,
    trust_remote_code: TrustRemoteCode = False,
    allow_pickle: AllowPickle = False,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Of the starter.")] = None,
    device: Device = None,
    precision: Precision = None,
    store: Store = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Look up a query in a corpus with one encoder or several side by side.

    Without a query it asks for one again and again, until an empty line or Ctrl-D; from a pipe, one query a line.
    """
    from embedtune.config.encode import SEARCH_KEYS
    from embedtune.config.recipe.load import load_search

    config = load_search(given(locals(), SEARCH_KEYS))
    if query is not None and not query.strip():
        raise ConfigError("the query is empty", where="QUERY", next="write what to look for, or leave it out")
    if dry_run:
        print_recipe(config, as_json=as_json)
        return
    from embedtune.workflows.search.run import open_search

    opened = open_search(config, talk=StreamTalk(quiet=quiet))
    answers = []
    for text in [query] if query is not None else _typed():
        answer = opened.ask(text)
        if as_json:
            answers.append(answer)
            continue
        if query is None and not sys.stdin.isatty():
            print_text(text)
        print_renderable(answer.table())
    if as_json:
        print_json(opened.result(answers).as_json())


def _typed() -> Iterator[str]:
    """Queries from a terminal until an empty line, or from a pipe, where empty lines mean nothing."""
    if not sys.stdin.isatty():
        yield from (line.strip() for line in sys.stdin if line.strip())
        return
    with suppress(ImportError):  # Windows has none
        import readline  # noqa: F401  (arrow keys and earlier queries)
    while True:
        try:
            text = _asked()
        except EOFError:
            print(file=sys.stderr)
            return
        if not text.strip():
            return
        yield text.strip()


def _asked() -> str:
    """A line from the terminal; the prompt goes to stderr where stdout is a file that is to hold results alone."""
    if sys.stdout.isatty():
        return input(_PROMPT)
    sys.stderr.write(_PROMPT)
    sys.stderr.flush()
    return input()
