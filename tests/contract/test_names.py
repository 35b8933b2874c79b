"""Names that other people's scripts rely on: options, recipe keys and their defaults, exit codes, names of parts.

`names.json` was written before the folders moved. Names may be added; whatever is listed stays as it is.
"""

import json
from pathlib import Path
from typing import Any

import pytest
import typer

from embedtune import errors
from embedtune.cli.shared.app import build_app
from embedtune.cli.shared.guard import READER_GONE
from embedtune.config.options import schema_of
from embedtune.config.recipe.shipped import recipe_names
from embedtune.data.formats import read_formats, written_formats
from embedtune.data.views import view_names
from embedtune.evaluation.metrics import metric_names
from embedtune.losses import loss_names

KEPT = json.loads((Path(__file__).parent / "names.json").read_text(encoding="utf-8"))


def options() -> dict[str, dict[str, str]]:
    """Command -> option -> whether it takes a value, several, or none."""
    found: dict[str, dict[str, str]] = {}

    def walk(command: Any, name: str) -> None:
        for word, inner in getattr(command, "commands", {}).items():
            walk(inner, f"{name} {word}".strip())
        found[name] = {}
        for one in command.params:
            if one.param_type_name == "option":
                kind = "flag" if one.is_flag else "several" if one.multiple else "value"
                found[name] |= dict.fromkeys(one.opts, kind)
            else:
                found[name][f"<{one.name}>"] = "several" if one.nargs == -1 else "value"

    walk(typer.main.get_command(build_app()), "")
    return found


def flat(value: Any, prefix: str = "") -> dict[str, Any]:
    """Dotted key -> value."""
    if isinstance(value, dict) and value:
        return {key: one for name, inner in value.items() for key, one in flat(inner, f"{prefix}{name}.").items()}
    return {prefix.rstrip("."): value}


@pytest.mark.parametrize("command", KEPT["options"])
def test_options_keep_their_names_and_what_they_take(command: str) -> None:
    kept, now = KEPT["options"][command], options()[command]
    assert {name: now.get(name) for name in kept} == kept


@pytest.mark.parametrize("verb", KEPT["recipes"])
def test_recipes_keep_their_keys_and_defaults(verb: str) -> None:
    kept, now = KEPT["recipes"][verb], flat(schema_of(verb)().model_dump())
    assert {key: now.get(key, "gone") for key in kept} == kept


def test_exit_codes_and_their_names_stay() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and hasattr(kind, "exit_code")]
    now = {kind.__name__: [kind.exit_code, kind.code] for kind in kinds} | {"reader gone": [READER_GONE, ""]}
    assert {name: now.get(name) for name in KEPT["exit_codes"]} == KEPT["exit_codes"]


@pytest.mark.parametrize("kind", KEPT["names"])
def test_parts_keep_their_names(kind: str) -> None:
    now = {
        "losses": loss_names(),
        "metrics": metric_names(),
        "mine --format": written_formats(),
        "views": view_names(),
        "recipes": recipe_names(),
        "formats": read_formats(),
    }
    assert set(KEPT["names"][kind]) <= set(now[kind])
