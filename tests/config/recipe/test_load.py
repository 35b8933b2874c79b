"""A command line becomes a configuration, or the list of everything that is wrong with it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from embedtune.config.options import schema_of
from embedtune.config.recipe.load import dump_config, load
from embedtune.config.recipe.problems import InvalidConfig
from embedtune.config.verbs.encode import EncodeConfig
from embedtune.config.verbs.evaluate import EvaluateConfig
from embedtune.config.verbs.mine import MineConfig
from embedtune.config.verbs.search import SearchConfig
from embedtune.config.verbs.train import TrainConfig
from embedtune.errors import ConfigError

KNOWN = ("gist", "infonce", "sigreg")


def problems_of(*args: Any, **options: Any) -> list[tuple[str, str, str]]:
    with pytest.raises(InvalidConfig) as caught:
        load(TrainConfig, *args, **{"known_losses": KNOWN, **options})
    assert caught.value.exit_code == 2
    return [(problem.where, problem.key, problem.message) for problem in caught.value.problems]


def recipe(folder: Path, text: str) -> str:
    path = folder / "my.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_nothing_given_is_the_defaults() -> None:
    assert load(TrainConfig) == TrainConfig()


def test_recipe_then_options_then_overrides(tmp_path: Path) -> None:
    path = recipe(tmp_path, "training: {epochs: 1, batch_size: 8, seed: 3}\nmodel: {name: 모델}\n")
    config = load(TrainConfig, path, ["training.seed=5"], {"batch_size": 16, "max_length": None})
    assert (config.training.epochs, config.training.batch_size, config.training.seed) == (1, 16, 5)
    assert config.model.name == "모델"


def test_loss_option_replaces_the_recipes_losses_and_overrides_reach_into_it(tmp_path: Path) -> None:
    path = recipe(tmp_path, "loss:\n  - name: gist\n    args: {temperature: 1}\n  - name: sigreg\n")
    config = load(TrainConfig, path, ["loss.0.args.hardness=2e-2"], {"margin": "auto", "loss": ["infonce"]})
    assert [term.model_dump() for term in config.loss] == [
        {"name": "infonce", "weight": 1.0, "args": {"margin": "auto", "hardness": 0.02}}
    ]


def test_an_override_reaches_the_default_loss_and_may_add_a_term() -> None:
    config = load(TrainConfig, None, ["loss.0.args.temperature=0.02", "loss.1.name=sigreg", "loss.1.weight=0.5"])
    assert [(term.name, term.weight, term.args) for term in config.loss] == [
        ("gist", 1.0, {"temperature": 0.02}),
        ("sigreg", 0.5, {}),
    ]


def test_an_override_opens_a_section_that_was_absent_or_null(tmp_path: Path) -> None:
    assert load(TrainConfig, None, ["model.lora.rank=4"]).model.lora.rank == 4
    assert load(TrainConfig, recipe(tmp_path, "model: {lora: null}"), ["model.lora.rank=4"]).model.lora.rank == 4


def test_prompts_keep_their_blanks_on_every_way_in(tmp_path: Path) -> None:
    expected = {"query": "query: ", "document": "문서: "}
    path = recipe(tmp_path, 'model:\n  prompts:\n    query: "query: "\n    document: "문서: "\n')
    assert load(TrainConfig, path).model.prompts == expected
    assert load(TrainConfig, None, [], {"prompts": "query=query: ,document=문서: "}).model.prompts == expected
    overrides = ["model.prompts.query=query: ", "model.prompts.document=문서: "]
    assert load(TrainConfig, None, overrides).model.prompts == expected


@pytest.mark.parametrize(
    ("losses", "override", "blamed"),
    [
        (["gist"], "loss.1.args.x=1", "loss.1.args.x=1"),  # its name is missing
        (["gits"], "loss.0.args.x=1", "--loss"),  # there is no such loss
        (["gist"], "loss.0.weight=-1", "loss.0.weight=-1"),
    ],
)
def test_a_mistake_is_blamed_on_what_made_it(losses, override, blamed) -> None:
    with pytest.raises(InvalidConfig) as refused:
        load(TrainConfig, None, [override], {"loss": losses}, known_losses=["gist"])
    assert refused.value.where == blamed


def test_arguments_of_an_option_and_of_an_override_are_told_apart() -> None:
    def check(name: str, args: Mapping[str, object]) -> None:
        if "x" in args:
            raise ConfigError(f"{name} has no argument 'x'")

    with pytest.raises(InvalidConfig) as refused:
        load(
            TrainConfig,
            None,
            ["loss.1.args.x=1"],
            {"loss": ["gist", "sigreg"]},
            known_losses=["gist", "sigreg"],
            check_args=check,
        )
    assert refused.value.where == "loss.1.args.x=1"


WRONG = """\
model:
  name: 12                        # wrong: text is needed
  prompts: {qery: "q: "}          # wrong: misspelt
epochs: 3                         # wrong: belongs to training
trainig:                          # wrong: misspelt section
  epochs: 3
loss:
  - weight: 1                     # wrong: no name
  - name: gits                    # wrong: no such loss
    weight: -1                    # wrong: below 0
  - 3                             # wrong: not a section
training:
  epochs: ten                     # wrong: not a number
  batch_size: 1                   # wrong: too small
  lr: fast                        # wrong: neither auto nor a number
  seed: true                      # wrong: not a number
  weight_decay: .nan              # wrong: not finite
  schedule: linar                 # wrong: not one of the choices
  schedule: linear                # wrong: given twice
data: []                          # wrong: not a section
"""


def test_everything_wrong_in_a_recipe_is_listed_with_its_line(tmp_path: Path) -> None:
    path = recipe(tmp_path, WRONG)
    marked = [number for number, line in enumerate(WRONG.splitlines(), 1) if "# wrong" in line]
    assert [place for place, _, _ in problems_of(path)] == [f"{path}:{line}" for line in marked]


@pytest.mark.parametrize(
    ("override", "key", "words"),
    [
        ("training.epohcs=3", "training.epohcs", "did you mean 'epochs'?"),
        ("training.batch-size=3", "training.batch-size", "did you mean 'batch_size'?"),
        ("epochs=3", "epochs", "did you mean 'training.epochs'?"),
        ("trainig.epochs=3", "trainig", "did you mean 'training'?"),
        ("model.prompts.queri=x", "model.prompts.queri", "did you mean 'query'?"),
        ("model.lora.rnk=3", "model.lora.rnk", "did you mean 'rank'?"),
        ("loss.0.wieght=3", "loss.0.wieght", "did you mean 'weight'?"),
        ("loss.0.name=gits", "loss.0.name", "did you mean 'gist'?"),
        ("training.epochs=ten", "training.epochs", "got 'ten'; it must be a whole number of at least 1"),
        ("training.epochs=", "training.epochs", "got nothing (null)"),
        ("training.lr=0", "training.lr", "got 0; it must be a number above 0 or auto"),
        ("data.group=2024", "data.group", 'put it in quotes: group: "2024"'),
        ("loss.5.name=gist", "loss.5.name", "positions are 0 to 1"),
        ("loss.x.name=gist", "loss.x.name", "positions are 0 to 1"),
        ("training.epochs.more=1", "training.epochs", "got a mapping"),
        ("loss.0.name.more=1", "loss.0.name.more", "single value"),
        ("loss=[]", "loss", "got a list"),
        ("model.name=[", "model.name", "not valid YAML"),
    ],
)
def test_a_wrong_override_says_what_is_allowed(override: str, key: str, words: str) -> None:
    [(where, found, message)] = problems_of(None, [override])
    assert (where, found) == (override, key)
    assert words in message


@pytest.mark.parametrize("override", ["epochs", "=3", ".=1", "training.=1", ""])
def test_an_override_that_is_none(override: str) -> None:
    [(_, _, message)] = problems_of(None, [override])
    assert "not KEY=VALUE" in message


def test_wrong_options_are_placed_at_the_option() -> None:
    options = {"loss": ["gits"], "lr": "fast", "prompts": "x", "batch_size": 1}
    places = [where for where, _, _ in problems_of(None, [], options)]
    assert sorted(places) == ["--batch-size", "--loss", "--lr", "--prompts"]


def test_what_an_option_got_wrong_is_not_blamed_on_an_override_of_the_same_section() -> None:
    [(where, key, _)] = problems_of(None, ["loss.0.args.temperature=1"], {"loss": ["gits"]})
    assert (where, key) == ("--loss", "loss.0.name")


def test_a_key_set_twice_is_a_mistake_and_not_a_choice() -> None:
    [(where, key, message)] = problems_of(None, ["training.epochs=3"], {"epochs": 4})
    assert (where, key) == ("training.epochs=3", "training.epochs")
    assert "--epochs" in message
    assert len(problems_of(None, ["training.epochs=3", "training.epochs=3"])) == 1


def test_arguments_of_losses_are_checked_by_the_caller(tmp_path: Path) -> None:
    def check(name: str, args: Mapping[str, Any]) -> None:
        if "temprature" in args:
            raise ConfigError(f"{name} has no argument 'temprature'")

    path = recipe(tmp_path, "loss:\n  - name: gist\n    args:\n      temprature: 1\n  - name: sigreg\n")
    [(where, key, message)] = problems_of(path, check_args=check)
    assert (where, key) == (f"{path}:3", "loss.0.args")
    assert message == "gist has no argument 'temprature'"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "this file is empty"),
        (b"# nothing\n", "this file is empty"),
        (b"- a\n- b\n", "this file is a list"),
        (b"just words\n", "this file is a single value"),
        (b"a: [\n", "not valid YAML"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"model: {name: \xb0\xa1}\n", "not UTF-8"),
    ],
)
def test_a_file_that_is_no_recipe(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=words) as caught:
        load(TrainConfig, str(path))
    assert str(path) in (caught.value.where or "")


def test_a_byte_order_mark_is_not_a_mistake(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"\xef\xbb\xbftraining: {epochs: 2}\n")
    assert load(TrainConfig, str(path)).training.epochs == 2


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["training.lr=2e-5", "model.prompts.query=query: ", "data.columns={anchor: 질문}", "output.folder='2024'"],
        ["loss.0.args={temperature: 1e-2, mode: 'no', steps: [1, null, true], margin: auto}", "model.lora={}"],
    ],
)
def test_a_dumped_configuration_loads_to_an_equal_one(tmp_path: Path, overrides: list[str]) -> None:
    config = load(TrainConfig, None, overrides)
    path = tmp_path / "dumped.yaml"
    path.write_text(dump_config(config), encoding="utf-8")
    assert load(TrainConfig, str(path)) == config
    assert dump_config(load(TrainConfig, str(path))) == dump_config(config)


def test_a_dump_names_every_section_in_the_order_of_the_schema() -> None:
    text = dump_config(TrainConfig())
    places = [f"\n{text}".index(f"\n{section}:") for section in TrainConfig.model_fields]
    assert places == sorted(places)


@pytest.mark.parametrize("option", ["data", "model", "guide", "output", "eval_data", "group", "split", "store"])
def test_an_empty_option_is_a_mistake(option: str) -> None:
    with pytest.raises(InvalidConfig, match="non-empty text"):
        load(TrainConfig, None, (), {option: ""})


def test_a_loss_named_twice_is_a_mistake() -> None:
    with pytest.raises(InvalidConfig, match="gist is given more than once"):
        load(TrainConfig, None, (), {"loss": ["gist", "sigreg:0.1", "gist:2"]})


def test_only_what_nobody_publishes_is_encoded_in_bf16_by_itself():
    assert (load(MineConfig).mining.precision, load(TrainConfig).training.precision) == ("auto", "auto")
    published = (load(EvaluateConfig).evaluation, load(EncodeConfig).encoding, load(SearchConfig).search)
    assert {one.precision for one in published} == {"fp32"}


@pytest.mark.parametrize(
    ("options", "overrides", "both"),
    [
        ({"loss": ["gist:0.5"]}, ["loss.0.weight=2"], "--loss"),
        ({"margin": "auto"}, ["loss=[{name: gist}]"], "--margin"),
        ({"prompts": "query=a"}, ["model.prompts.query=b"], "--prompts"),
        ({}, ["training.epochs=3", "training={batch_size: 8}"], "training.epochs=3"),
        ({}, ["loss.0.weight=1", "loss.00.weight=2"], "loss.0.weight=1"),
    ],
)
def test_a_part_and_its_whole_are_not_both_given(options: dict[str, Any], overrides: list[str], both: str) -> None:
    with pytest.raises(InvalidConfig, match="given twice") as refused:
        load(TrainConfig, None, overrides, options)
    assert f"also by {both}" in str(refused.value.message)


def test_what_only_adds_to_a_given_value_is_taken() -> None:
    config = load(TrainConfig, None, ["loss.0.args.temperature=0.02"], {"loss": ["gist:0.5"], "margin": "auto"})
    assert config.loss[0].model_dump() == {
        "name": "gist",
        "weight": 0.5,
        "args": {"margin": "auto", "temperature": 0.02},
    }


@pytest.mark.parametrize(
    "key", ["data.source", "output.folder", "model.name", "model.prompts.query", "data.columns.anchor"]
)
def test_no_text_of_a_recipe_holds_nul(tmp_path: Path, key: str) -> None:
    recipe = tmp_path / "recipe.yaml"
    section, *names = key.split(".")
    value = '"a\\0b"' if len(names) == 1 else f'{{{names[1]}: "a\\0b"}}'
    recipe.write_text(f"{section}:\n  {names[0]}: {value}\n")
    with pytest.raises(InvalidConfig, match="holds the character NUL"):
        load(TrainConfig, str(recipe))
    with pytest.raises(InvalidConfig, match="holds the character NUL"):
        load(TrainConfig, None, [f'{key}="a\\0b"'])
    with pytest.raises(ConfigError, match="NUL"):
        load(TrainConfig, f"{recipe}\0")


@pytest.mark.parametrize("verb", ["train", "mine", "evaluate", "check", "search"])
def test_a_seed_is_one_that_every_generator_takes(verb: str) -> None:
    schema = schema_of(verb)
    load(schema, None, (), {"seed": 2**32 - 1})
    for seed in (2**32, 10**30, -1):
        with pytest.raises(InvalidConfig, match="from 0 to 4294967295"):
            load(schema, None, (), {"seed": seed})
