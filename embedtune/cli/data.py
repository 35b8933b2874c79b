"""`embedtune data preferences`: data turned into rows that training reads."""

from typing import Annotated, Literal

import typer

from embedtune.cli.shared.app import show_help_without_verb
from embedtune.cli.shared.options import AsJson, Quiet
from embedtune.cli.shared.output import StreamTalk, print_json, print_text

Log = Annotated[str, typer.Argument(metavar="LOG", help="Rows of anchor, shown and clicked.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add the verb and its command."""
    group = typer.Typer(invoke_without_command=True, rich_markup_mode=None)
    group.callback()(_data)
    group.command("preferences", short_help="Turn a click log into preferences.")(preferences)
    app.add_typer(group, name="data", short_help="preferences: click logs -> rows for the loss dpo.")


def _data(context: typer.Context) -> None:
    """Turn data of other kinds into rows that `embedtune train` reads."""
    show_help_without_verb(context)


def preferences(
    log: Log,
    output: Annotated[str, typer.Option(metavar="FILE", help="A JSONL file of preferences.")] = "preferences.jsonl",
    skipped: Annotated[
        Literal["above", "all"], typer.Option(help="Passed by: texts above the click, or all not clicked.")
    ] = "above",
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is already there.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Turn a click log (anchor, shown[], clicked) into preferences: clicked over what was shown above and passed by.

    Opposite preferences cancel each other; what is left over is the row's weight.
    """
    from embedtune.workflows.data.preferences import click_preferences

    result = click_preferences(log, output, skipped=skipped, force=force)
    talk = StreamTalk(quiet=quiet)
    for sentence in result.said:
        talk.say(sentence)
    if as_json:
        print_json(result)
    else:
        print_text(f"{result.output}\ntrain with it: embedtune train --loss dpo --data {result.output}")
