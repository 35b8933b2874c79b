"""`embedtune data`: turn click logs into rows for the loss dpo (preferences)."""

from typing import Annotated, Literal

import typer

from embedtune.cli.shared.options import AsJson, Force, Quiet, argument, written
from embedtune.cli.shared.output import print_json, print_text
from embedtune.cli.shared.verb import add_command, add_group
from embedtune.workflows.shared.stream_talk import StreamTalk

EXAMPLES = """
embedtune data preferences clicks.jsonl --output preferences.jsonl
embedtune data preferences clicks.jsonl --skipped all --force
"""
Log = Annotated[str, argument("LOG", "Rows of anchor, shown and clicked.")]
Rows = Annotated[str, written(metavar="FILE", help="A JSONL file of preferences.", group="Output")]
Skipped = Annotated[
    Literal["above", "all"],
    written(
        metavar="above|all",
        help="What counts as skipped: texts above the click, or all that were not clicked.",
        group="Data",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the verb and its command."""
    group = add_group(app, __name__, "Turn data of other kinds into rows that `embedtune train` reads.", EXAMPLES)
    add_command(group, preferences, EXAMPLES)


def preferences(
    log: Log,
    skipped: Skipped = "above",
    output: Rows = "preferences.jsonl",
    force: Force = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Turn a click log into preferences.

    A clicked text is preferred over those that were shown above it and skipped. The log has the columns anchor, shown
    (a list) and clicked. Opposite preferences cancel each other; what is left over is the row's weight.
    """
    from embedtune.workflows.data.preferences import click_preferences

    result = click_preferences(log, output, skipped=skipped, force=force)
    talk = StreamTalk(quiet=quiet)
    for sentence in result.said:
        talk.say(sentence)
    text = f"{result.output}\ntrain with it: embedtune train --loss dpo --data {result.output}"
    print_json(result) if as_json else print_text(text)
