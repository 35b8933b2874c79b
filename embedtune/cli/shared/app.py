"""The command `embedtune`: its verbs are the files of `cli/`, each with a function of its name and its EXAMPLES.

`--help` and `--version` answer at once, so nothing here or at the top of a verb's file may load torch.
"""

import os
import sys
from importlib import import_module
from inspect import signature
from pkgutil import iter_modules
from types import ModuleType
from typing import Annotated

import typer

import embedtune
from embedtune import cli
from embedtune.cli.shared.guard import guarded
from embedtune.cli.shared.help import CONTEXT, VerbGroup
from embedtune.cli.shared.streams import prepare_streams, release_streams
from embedtune.cli.shared.verb import Asked, about_verb, add_command, add_verb, show_help_without_verb
from embedtune.errors import ConfigError
from embedtune.processes import this_process
from embedtune.runtime import count_from_start, settle

TOGETHER = "train"
"""The verb that several processes run together."""
COMPLETION = "_EMBEDTUNE_COMPLETE"
"""Set by the shell's completion, which `embedtune --install-completion` installs."""
EXAMPLES = """
embedtune train
embedtune check --data pairs.jsonl
embedtune train --data pairs.jsonl --output runs/first
embedtune evaluate --model runs/first/model --model bm25
"""


def build_app(*verbs: str) -> typer.Typer:
    """The application with these verbs, or all; one that is not asked for need not be read."""
    app = _frame()
    for name in verbs or verb_names():
        _add(app, _module(name))
    return app


def build_list() -> typer.Typer:
    """The application with the verbs' names and what they do, for the help and for misspellings; nothing can be run.

    It answers in half the time: no verb's schema is read.
    """
    app = _frame()
    for name in verb_names():
        app.command(name, short_help=about_verb(_module(name).__name__))(_module)
    return app


def _frame() -> typer.Typer:
    app = typer.Typer(
        invoke_without_command=True,
        rich_markup_mode=None,  # plain text: brackets in our help are brackets, and a pipe gets no boxes
        pretty_exceptions_enable=False,
        context_settings=CONTEXT,
    )
    app.callback(cls=VerbGroup, epilog=EXAMPLES)(_main)
    return app


def _add(app: typer.Typer, module: ModuleType) -> None:
    name = module.__name__.rpartition(".")[2]
    if hasattr(module, "register"):  # a verb of several commands
        module.register(app)
        return
    function = getattr(module, name)
    first = next(iter(signature(function).parameters.values()))
    (add_verb if first.annotation is Asked else add_command)(app, function, module.EXAMPLES)


def _module(name: str) -> ModuleType:
    return import_module(f"{cli.__name__}.{name}")


def verb_names() -> tuple[str, ...]:
    """The verbs, from the folder's listing; `train`, the main one, comes first."""
    names = [module.name for module in iter_modules(cli.__path__) if not module.ispkg]
    return tuple(sorted(names, key=lambda name: (name != "train", name)))


def _main(
    context: typer.Context, version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False
) -> None:
    """Fine-tune sentence encoders, with evidence that they became better."""
    if version:
        print(f"embedtune {embedtune.__version__}")
        raise typer.Exit
    if this_process().count > 1 and context.invoked_subcommand not in (None, TOGETHER):
        raise ConfigError(
            f"{context.invoked_subcommand} runs in one process, and {this_process().count} were started",
            where="embedtune",
            next="start it without torchrun; encode and mine take --engine local:N",
        )
    show_help_without_verb(context)


def main(arguments: list[str] | None = None) -> None:
    """Entry point of the console script; ends the process with the command's exit code."""
    prepare_streams()
    settle()
    if arguments is None:
        count_from_start()
    words = sys.argv[1:] if arguments is None else arguments
    asked = words[0] if words else None
    if COMPLETION in os.environ:  # the shell asks what may come next, whatever the verb
        app = build_app()
    else:
        app = build_app(asked) if asked in verb_names() else build_list()
    exit_code = guarded(app, words)
    release_streams()
    sys.exit(exit_code)
