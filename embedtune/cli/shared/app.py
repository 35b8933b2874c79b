"""The command `embedtune`: its verbs are the files beside this one, each of which registers itself.

`--help` and `--version` answer at once, so nothing here or at the top of a verb's file may load torch.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper
from pkgutil import iter_modules
from typing import Annotated

import typer

import embedtune
from embedtune import cli
from embedtune.cli.shared.guard import guarded
from embedtune.runtime import settle


def build_app(*verbs: str) -> typer.Typer:
    """The application with these verbs, or all; one that is not asked for need not be read."""
    app = typer.Typer(
        invoke_without_command=True,
        add_completion=False,
        rich_markup_mode=None,  # plain text: brackets in our help are brackets, and a pipe gets no boxes
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["--help", "-h"]},
    )
    app.callback()(_main)
    for name in verbs or verb_names():
        import_module(f"{cli.__name__}.{name}").register(app)
    return app


def verb_names() -> tuple[str, ...]:
    """The verbs, from the folder's listing; `train`, the main one, comes first."""
    names = [module.name for module in iter_modules(cli.__path__) if not module.ispkg]
    return tuple(sorted(names, key=lambda name: (name != "train", name)))


def _main(
    context: typer.Context, version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False
) -> None:
    """Fine-tune sentence encoders from the command line, with evidence that they became better."""
    if version:
        print(f"embedtune {embedtune.__version__}")
        raise typer.Exit
    show_help_without_verb(context)


def show_help_without_verb(context: typer.Context) -> None:
    """Show the help of a group of commands when none of them was named."""
    if context.invoked_subcommand is None:
        print(context.get_help())
        raise typer.Exit


def main(arguments: list[str] | None = None) -> None:
    """Entry point of the console script; ends the process with the command's exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    settle()
    words = sys.argv[1:] if arguments is None else arguments
    sys.exit(guarded(build_app(*_verbs_asked(words)), words))


def _verbs_asked(words: Sequence[str]) -> tuple[str, ...]:
    """The verb that is named; all where none is, for the help and for misspellings."""
    return (words[0],) if words and words[0] in verb_names() else ()
