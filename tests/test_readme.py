"""The README names what there is, and its links and files exist."""

import re
from pathlib import Path

import pytest

from embedtune import errors
from embedtune.cli.shared.app import verb_names
from embedtune.cli.shared.guard import READER_GONE
from embedtune.config.recipe.shipped import recipe_names
from embedtune.losses import loss_names

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


@pytest.mark.parametrize("verb", verb_names())
def test_every_verb_is_named(verb: str) -> None:
    assert f"embedtune {verb}" in README


@pytest.mark.parametrize("recipe", recipe_names())
def test_every_recipe_is_named(recipe: str) -> None:
    assert f"`{recipe}`" in README


@pytest.mark.parametrize("loss", loss_names())
def test_every_loss_is_named(loss: str) -> None:
    assert f"`{loss}`" in README


def test_no_verb_is_promised_that_is_not_there() -> None:
    promised = set(re.findall(r"(?:`|^ *)embedtune ([a-z]+)", README, re.MULTILINE))
    assert promised <= set(verb_names())


def test_every_exit_code_is_named() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and hasattr(kind, "exit_code")]
    for code in {0, READER_GONE} | {kind.exit_code for kind in kinds}:
        assert re.search(rf"^\| {code} \|", README, re.MULTILINE), code


def test_the_first_screen_has_the_two_commands() -> None:
    first_screen = "\n".join(README.splitlines()[:40])
    for command in ("make demo", "make test", "pip install", "embedtune train --loss gist"):
        assert command in first_screen


def test_every_make_target_named_exists() -> None:
    named = set(re.findall(r"\bmake ([a-z]+)", README))
    assert {"demo", "test", "check"} <= named
    assert named <= set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))


def test_local_links_lead_somewhere() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
