"""`embedtune recipes`: list, show, copy and check recipes, ready-made settings in YAML files."""

import re
import shlex
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from embedtune.cli.shared.completion import recipe_value
from embedtune.cli.shared.options import AsJson, Force, Quiet, argument, written
from embedtune.cli.shared.output import print_json, print_text, readable_width
from embedtune.cli.shared.verb import add_command, add_group
from embedtune.errors import ConfigError, OutputError
from embedtune.workflows.shared.stream_talk import StreamTalk

if TYPE_CHECKING:
    from embedtune.config.recipe.problems import Problem

EXAMPLES = """
embedtune recipes list
embedtune recipes show gist-pairs
embedtune recipes copy gist-pairs mine.yaml
embedtune recipes check mine.yaml
"""
KEYS = """
embedtune recipes keys training
embedtune recipes keys --schema
"""
Section = Annotated[str | None, argument("SECTION", "A section, such as training, or one key.", "all of them")]
Verb = Annotated[
    Literal["train", "mine", "evaluate", "check", "encode"],
    written(metavar="VERB", help="Whose recipes.", group="Data"),
]
AsSchema = Annotated[bool, written("--schema", help="Print a JSON schema, for editors.", group="Output")]
GROUPS = {
    "From pairs": "",
    "From pairs with hard negatives": "triples",
    "From texts with classes": "labelled",
    "From signals with descriptions": "windows",
    "From preferences": "preferences",
    "From texts alone": "corpus",
}
"""Headings of the list, the usual recipes first, and a word in the name of the data that they are for."""
Name = Annotated[str, argument("NAME", "A built-in recipe, or a file.", complete=recipe_value)]
Place = Annotated[Path, argument("PLACE", "A folder or a file.", "the current folder")]
Recipes = Annotated[list[str] | None, argument("RECIPE", "Files or names.", "every built-in recipe", recipe_value)]


def register(app: typer.Typer) -> None:
    """Add the verb and its five commands."""
    group = add_group(app, __name__, "Ready-made settings as YAML files, to run, read, copy and change.", EXAMPLES)
    _, listed, shown, copied, checked = EXAMPLES.split("\n", 4)
    add_command(group, list_recipes, listed, name="list")
    add_command(group, show, shown)
    add_command(group, copy, copied)
    add_command(group, keys, KEYS)
    add_command(group, check, checked)


def list_recipes(as_json: AsJson = False) -> None:
    """Name the built-in recipes and say when to use each."""
    from embedtune.config.recipe.shipped import recipe_card, recipe_names

    cards = [recipe_card(name) for name in recipe_names()]
    if as_json:
        print_json({"recipes": cards})
        return
    width = readable_width()
    for heading, word in GROUPS.items():
        print_text(f"{heading}\n")
        for card in [card for card in cards if _group(card.command) == word]:
            when = textwrap.fill(card.when, width, initial_indent="    ", subsequent_indent="    ")
            print_text(f"  {card.name}\n{when}\n    {card.command}\n")


def _group(command: str) -> str:
    """The group of a recipe, by the data that its command names; those for pairs if by none."""
    data = command.rpartition("--data ")[2]
    return next((word for word in GROUPS.values() if word and word in data), "")


def show(name: Name, as_json: AsJson = False) -> None:
    """Print a recipe."""
    from embedtune.config.recipe.shipped import find_recipe

    path = find_recipe(name)
    text = path.read_text(encoding="utf-8", errors="backslashreplace")
    print_json({"name": path.stem, "path": path, "text": text}) if as_json else print_text(text.rstrip("\n"))


def copy(
    name: Name, output: Place = Path(), force: Force = False, as_json: AsJson = False, quiet: Quiet = False
) -> None:
    """Copy a recipe to change it."""
    from embedtune.config.recipe.shipped import find_recipe
    from embedtune.durable import whole_path
    from embedtune.workflows.shared.outputs import Outputs

    path = find_recipe(name)
    target = output / path.name if output.is_dir() else output
    if target.exists() and not force:
        raise OutputError("the file is already there", where=str(target), next="--force replaces it")
    if not target.parent.is_dir():
        raise OutputError("the recipe cannot be written: there is no such folder", where=str(target.parent))
    named = shlex.quote(str(target) if target.parent != Path() else f"./{target}")
    outputs = Outputs([target], option="PLACE")
    outputs.demand_apart([("NAME", str(path))])
    with outputs.alone():
        outputs.remove_unfinished()
        with whole_path(target) as made:
            made.write_text(_under_its_own_name(path, named), encoding="utf-8")
    StreamTalk(quiet=quiet).say(f"copied; run it with: embedtune train {named}")
    print_json({"output": target}) if as_json else print_text(str(target))


def _under_its_own_name(recipe: Path, named: str) -> str:
    """A recipe whose commands in comments run the copy, and not what it was copied from."""
    text = recipe.read_text(encoding="utf-8")
    return re.sub(rf"(?m)^(# .*embedtune [a-z]+ ){re.escape(recipe.stem)}(?= |$)", lambda found: found[1] + named, text)


def keys(section: Section = None, verb: Verb = "train", schema: AsSchema = False, as_json: AsJson = False) -> None:
    """List what a recipe can set: each key with its default, the values it takes and what it means."""
    from embedtune.config.options import schema_of
    from embedtune.config.reference.keys import keys_of
    from embedtune.config.suggest import did_you_mean

    if schema:
        print_json(schema_of(verb).model_json_schema())
        return
    every = keys_of(schema_of(verb))
    found = keys_of(schema_of(verb), section or "")
    if not found:
        names = [*dict.fromkeys(one.key.partition(".")[0] for one in every), *(one.key for one in every)]
        hint = did_you_mean(section or "", names)
        raise ConfigError(
            f"there is no key or section {section!r}{hint}", where="SECTION", next="embedtune recipes keys"
        )
    if as_json:
        print_json({"keys": found})
        return
    width = readable_width()
    for one in found:
        also = f", also {one.option}" if one.option else ""
        said = f"{one.meaning}{'; ' if one.meaning else ''}{one.takes} [default: {one.default}{also}]"
        print_text("\n".join([one.key, textwrap.fill(said, width, initial_indent="    ", subsequent_indent="    ")]))


def check(recipes: Recipes = None, as_json: AsJson = False) -> None:
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
        print_text("\n".join(f"{recipe}: ok" for recipe in chosen))


def recipe_problems(recipe: str) -> "tuple[Problem, ...]":
    """What is wrong with one recipe, down to the values of its losses' arguments."""
    from embedtune.config.options import schema_of
    from embedtune.config.recipe.load import load, verb_of
    from embedtune.config.recipe.problems import InvalidConfig, Problem
    from embedtune.config.verbs.tune import TuneConfig
    from embedtune.losses import loss_names
    from embedtune.workflows.train.recipe_checks import check_term
    from embedtune.workflows.tune.checks import check_race

    try:
        verb = verb_of(recipe)
        known_losses, check_args = (loss_names(), check_term) if verb == "train" else (None, None)
        config = load(schema_of(verb), recipe, known_losses=known_losses, check_args=check_args)
        if isinstance(config, TuneConfig):
            check_race(config)
    except InvalidConfig as error:
        return error.problems
    except ConfigError as error:
        return (Problem(error.where or recipe, "", error.message),)
    return ()
