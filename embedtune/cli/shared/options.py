"""Options that mean the same to every command, in the same words, and how a command's options reach its config."""

from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Any

import typer

from embedtune.errors import ConfigError

Words = Annotated[
    list[str] | None,
    typer.Argument(metavar="RECIPE|KEY=VALUE", help="A recipe, and values that replace its own.", show_default=False),
]
Data = Annotated[
    str | None, typer.Option(metavar="SET", help="A file, a folder or hf:owner/name; the built-in samples if none.")
]
Columns = Annotated[str | None, typer.Option(metavar="ROLE=COLUMN,...", help="Columns with other names.")]
Model = Annotated[
    str | None, typer.Option(metavar="MODEL", help="A Hub name, a folder (such as RUN/model), or starter.")
]
Prompts = Annotated[str | None, typer.Option(metavar='query="...",document="..."', help="Text put before each.")]
MaxLength = Annotated[int | None, typer.Option(metavar="TOKENS", help="Tokens beyond which a text is cut.")]
TrustRemoteCode = Annotated[
    bool, typer.Option("--trust-remote-code", help="Run the model's own Python code. It can do anything.")
]
AllowPickle = Annotated[
    bool, typer.Option("--allow-pickle", help="Read weights that are no safetensors. A pickle can run code.")
]
Device = Annotated[
    str | None,
    typer.Option(
        metavar="auto|cpu|cuda|mps", help="Where to compute; of several (cuda:0,cuda:1) the first trains, all encode."
    ),
]
Precision = Annotated[
    str | None, typer.Option(metavar="auto|fp32|bf16", help="Of matrix products; auto: bf16 where hardware has it.")
]
Store = Annotated[str | None, typer.Option(metavar="FOLDER|none", help="Where vectors are kept between runs.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the resolved recipe and stop.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout and nothing else there.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing on stderr while working.")]


def given(arguments: Mapping[str, Any], keys: Collection[str]) -> dict[str, Any]:
    """Of a command's arguments, those the user gave that stand for config keys.

    >>> given({"seed": 0, "model": None, "quiet": True, "trust_remote_code": False}, {"seed", "model"})
    {'seed': 0}
    """
    return {
        name: value for name, value in arguments.items() if name in keys and value is not None and value is not False
    }


def recipe_and_values(words: Sequence[str]) -> tuple[str | None, list[str]]:
    """A command's words, divided into the recipe and the values that replace its own.

    Raises:
        ConfigError: there are two recipes.

    >>> recipe_and_values(["a.yaml", "training.lr=0.1"])
    ('a.yaml', ['training.lr=0.1'])
    """
    recipes = [word for word in words if "=" not in word]
    if len(recipes) > 1:
        raise ConfigError(
            f"one recipe at a time, not {len(recipes)}: {', '.join(recipes)}",
            where="RECIPE",
            next="name data with --data, and give values as key=value",
        )
    return (recipes[0] if recipes else None), [word for word in words if "=" in word]
