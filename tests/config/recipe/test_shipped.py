"""The built-in recipes: found, complete, in order, and each one worth having."""

import re
import shlex
from pathlib import Path

import pytest

from embedtune.cli.recipes import recipe_problems
from embedtune.config.options import options_of
from embedtune.config.recipe.load import load
from embedtune.config.recipe.shipped import find_recipe, recipe_card, recipe_names, recipes_folder, samples_folder
from embedtune.config.recipe.yaml_text import read_yaml
from embedtune.config.verbs.train import TrainConfig
from embedtune.errors import ConfigError

ROOT = Path(__file__).parents[3]
FILES = sorted((ROOT / "recipes").rglob("*.*"))


def test_the_listing_is_the_folder() -> None:
    assert len(FILES) >= 6
    assert recipe_names() == tuple(path.stem for path in FILES)
    assert recipes_folder().resolve() == ROOT / "recipes"
    assert samples_folder().resolve() == ROOT / "data" / "samples"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_recipe_is_in_order(path: Path) -> None:
    assert recipe_problems(str(path)) == ()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_recipe_opens_with_the_command_that_runs_it_and_when_to_use_it(path: Path) -> None:
    card = recipe_card(path.stem)
    program, verb, name, *options = shlex.split(card.command)
    assert (program, verb, name) == ("embedtune", "train", path.stem)
    assert {word for word in options if word.startswith("--")} <= {
        option.spelled for option in options_of(TrainConfig).values()
    }
    assert len(card.when.split()) >= 10


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_recipe_says_only_what_differs_from_the_defaults(path: Path) -> None:
    defaults = TrainConfig().model_dump()
    sections = read_yaml(path.read_text(encoding="utf-8")).values
    del sections["loss"]  # a recipe names its losses even where one is the default
    single = {s: sections.pop(s) for s in list(sections) if not isinstance(sections[s], dict)}
    same = [f"{s}.{key}" for s, keys in sections.items() for key, value in keys.items() if defaults[s][key] == value]
    same += [s for s, value in single.items() if defaults[s] == value]
    assert same == []


def test_no_two_recipes_train_the_same_way() -> None:
    resolved = [load(TrainConfig, str(path)).model_dump_json() for path in FILES]
    assert len(set(resolved)) == len(FILES)


def test_kure_like_is_what_the_model_card_of_kure_v1_says() -> None:
    config = load(TrainConfig, "kure-like")
    assert config.model.name == "BAAI/bge-m3"
    assert [term.name for term in config.loss] == ["gist"]
    assert config.negatives.per_row == 5
    assert (config.training.batch_size, config.training.lr, config.training.epochs) == (4096, 2e-5, 1)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_prompts_go_with_the_models_that_were_trained_with_them(path: Path) -> None:
    model = load(TrainConfig, str(path)).model
    if re.search(r"/(multilingual-)?e5-", model.name):
        assert model.prompts == {"query": "query: ", "document": "passage: "}  # as its model card asks


def test_a_recipe_is_found_by_name_by_documented_path_and_as_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    built_in = recipes_folder() / "gist-pairs.yaml"
    for way in ("gist-pairs", "gist-pairs.yaml", "recipes/gist-pairs.yaml", str(built_in)):
        assert find_recipe(way) == built_in
    mine = tmp_path / "gist-pairs.yaml"
    mine.write_text("training: {epochs: 1}\n")
    assert find_recipe("gist-pairs.yaml").resolve() == mine
    assert find_recipe("gist-pairs") == built_in


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("gist-pars", "did you mean 'gist-pairs'"),
        ("elsewhere/gist-pairs.yaml", "no file"),
        ("../recipes/gist-pairs", "no file"),
        ("", "folder"),
        (".", "folder"),
    ],
)
def test_a_recipe_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, words: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=words):
        find_recipe(name)
