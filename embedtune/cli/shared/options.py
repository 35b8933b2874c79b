"""Options that are no keys of a recipe: declared once here, for every verb that has them."""

from typing import Annotated

import typer

Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="RECIPE|KEY=VALUE",
        help="A recipe (a file or a built-in name), and values that replace its own (section.key=value).",
        show_default="no recipe",
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", rich_help_panel="Common", help="Print the resolved recipe and stop.")
]
AsJson = Annotated[
    bool,
    typer.Option("--json", rich_help_panel="Common", help="Print one JSON object on stdout, and nothing else there."),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", rich_help_panel="Common", help="Print no progress on stderr.")]
Force = Annotated[bool, typer.Option("--force", rich_help_panel="Output", help="Replace a file that is already there.")]
Restart = Annotated[
    bool, typer.Option("--restart", rich_help_panel="Run", help="Discard an interrupted job and start over.")
]
Resume = Annotated[
    str | None,
    typer.Option(
        metavar="auto|RUN",
        rich_help_panel="Run",
        show_default="a new run",
        help="Resume an interrupted run; auto also starts one where the run folder is empty.",
    ),
]
AcceptChanges = Annotated[
    bool,
    typer.Option(
        "--accept-changes",
        rich_help_panel="Run",
        help="With --resume: continue with other options or data than before.",
    ),
]
