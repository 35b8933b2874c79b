"""Options that are not keys of a recipe: how they are declared, and those that several verbs have."""

from typing import Annotated, Any

import typer

from embedtune.cli.shared.completion import Complete, recipe_value
from embedtune.cli.shared.help import COMMON


def written(
    *spelled: str,
    help: str,
    group: str,
    metavar: str | None = None,
    default: str | bool = True,
    complete: Complete | None = None,
    hidden: bool = False,
) -> Any:
    """An option as Typer declares it, under a heading of `--help` unless `hidden`.

    A switch has no `metavar` and is spelled out, such as "--json"; `default` is in words, where the value says nothing.
    """
    return typer.Option(
        *spelled,
        metavar=metavar,
        help=help,
        show_default=default,
        rich_help_panel=group,
        autocompletion=complete,
        hidden=hidden,
    )


def argument(metavar: str, help: str, default: str | bool = True, complete: Complete | None = None) -> Any:
    """An argument as Typer declares it."""
    return typer.Argument(metavar=metavar, help=help, show_default=default, autocompletion=complete)


Words = Annotated[
    list[str] | None,
    argument(
        "RECIPE|KEY=VALUE",
        "A recipe (a file or a built-in name), and values that replace its own (section.key=value).",
        "no recipe",
        recipe_value,
    ),
]
DryRun = Annotated[bool, written("--dry-run", help="Read the data, print the resolved recipe and stop.", group=COMMON)]
AsJson = Annotated[bool, written("--json", help="Print one JSON object on stdout and nothing else.", group=COMMON)]
Quiet = Annotated[bool, written("--quiet", "-q", help="Print no progress on stderr.", group=COMMON)]
Force = Annotated[bool, written("--force", help="Replace a file that is already there.", group="Output")]
Restart = Annotated[bool, written("--restart", help="Discard an interrupted job and start over.", group="Run")]
Resume = Annotated[
    str | None,
    written(
        metavar="auto|RUN",
        help="Resume an interrupted run; auto also starts one where the run folder is empty.",
        group="Run",
        default="a new run",
    ),
]
AcceptChanges = Annotated[
    bool,
    written("--accept-changes", help="With --resume: continue with options or data that changed.", group="Run"),
]
