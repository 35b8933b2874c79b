"""`embedtune recipes list | show | copy | check`: the recipes that come with embedtune, and a check of your own."""

import shutil
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from embedtune.cli.shared.app import show_help_without_verb
from embedtune.cli.shared.options import AsJson, Quiet
from embedtune.cli.shared.output import StreamTalk, print_json, print_text
from embedtune.errors import ConfigError, OutputError

if TYPE_CHECKING:
    from embedtune.config.recipe.problems import Problem

Name = Annotated[str, typer.Argument(metavar="NAME", help="A built-in recipe, or a file.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add the verb and its four commands."""
    group = typer.Typer(invoke_without_command=True, rich_markup_mode=None)
    group.callback()(_recipes)
    group.command("list")(list_recipes)
    group.command("show")(show)
    group.command("copy", short_help="Copy a recipe to change it.")(copy)
    group.command("check", short_help="List everything that is wrong with recipes.")(check)
    app.add_typer(group, name="recipes", short_help="list | show | copy | check: ready-made settings as YAML files.")


def _recipes(context: typer.Context) -> None:
    """Ready-made settings for `embedtune train`, as YAML files to run, read, copy and change."""
    show_help_without_verb(context)


def list_recipes(as_json: AsJson = False) -> None:
    """Name the built-in recipes and say when to use each."""
    from embedtune.config.recipe.shipped import recipe_card, recipe_names

    cards = [recipe_card(name) for name in recipe_names()]
    if as_json:
        print_json({"recipes": cards})
        return
    width = min(shutil.get_terminal_size().columns, 100)
    for card in cards:
        when = textwrap.fill(card.when, width, initial_indent="  ", subsequent_indent="  ")
        print_text(f"{card.name}\n{when}\n  {card.command}\n")


def show(name: Name, as_json: AsJson = False) -> None:
    """Print a recipe."""
    from embedtune.config.recipe.shipped import find_recipe

    path = find_recipe(name)
    text = path.read_text(encoding="utf-8", errors="backslashreplace")
    if as_json:
        print_json({"name": path.stem, "path": path, "text": text})
    else:
        print_text(text.rstrip("\n"))


def copy(
    name: Name,
    output: Annotated[Path, typer.Argument(metavar="PLACE", help="A folder or a file.", show_default=False)] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is already there.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Copy a recipe to change it; without a place, into the folder you are in."""
    from embedtune.config.recipe.shipped import find_recipe

    path = find_recipe(name)
    target = output / path.name if output.is_dir() else output
    if target.exists() and not force:
        raise OutputError("the file is already there", where=str(target), next="--force replaces it")
    try:
        target.write_bytes(path.read_bytes())
    except OSError as error:
        raise OutputError(f"the recipe cannot be written: {error.strerror}", where=str(target)) from None
    StreamTalk(quiet=quiet).say(
        f"copied; run it with: embedtune train {target if target.parent != Path() else f'./{target}'}"
    )
    if as_json:
        print_json({"output": target})
    else:
        print_text(str(target))


def check(
    recipes: Annotated[
        list[str] | None,
        typer.Argument(metavar="RECIPE", help="Files or names; every built-in recipe when none is given."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check recipes and list everything that is wrong with them; exit code 2 when something is."""
    from embedtune.config.recipe.problems import InvalidConfig
    from embedtune.config.recipe.shipped import recipe_names

    chosen = recipes or list(recipe_names())
    problems = [problem for recipe in chosen for problem in recipe_problems(recipe)]
    if problems:
        raise InvalidConfig(problems, next="`embedtune recipes show gist-pairs` prints a recipe that works")
    if as_json:
        print_json({"recipes": [{"recipe": recipe, "problems": []} for recipe in chosen]})
    else:
        print_text("\n".join(f"{recipe}: in order" for recipe in chosen))


def recipe_problems(recipe: str) -> "tuple[Problem, ...]":
    """What is wrong with one recipe, down to the values of its losses' arguments."""
    from embedtune.config.recipe.load import (
        load_check,
        load_config,
        load_encoding,
        load_evaluation,
        load_mining,
        verb_of,
    )
    from embedtune.config.recipe.problems import InvalidConfig, Problem
    from embedtune.losses import loss_names
    from embedtune.workflows.train.recipe_checks import check_term

    try:
        match verb_of(recipe):
            case "mine":
                load_mining(recipe)
            case "evaluate":
                load_evaluation({}, recipe=recipe)
            case "check":
                load_check({}, recipe=recipe)
            case "encode":
                load_encoding({}, recipe=recipe)
            case _:
                load_config(recipe, known_losses=loss_names(), check_args=check_term)
    except InvalidConfig as error:
        return error.problems
    except ConfigError as error:
        return (Problem(error.where or recipe, "", error.message),)
    return ()
