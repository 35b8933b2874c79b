"""Options as the schemas declare them: each sets a key that exists, has help, and says what holds without it."""

import pytest

from embedtune.config.options import RECIPE_VERBS, Option, option, options_of, schema_of
from embedtune.config.recipe.load import load
from embedtune.config.recipe.problems import allowed
from embedtune.config.section import RecipeSection
from embedtune.config.verbs.train import TrainConfig

VERBS = (*RECIPE_VERBS, "search")
OPTIONS = [(verb, found) for verb in VERBS for found in options_of(schema_of(verb)).values()]


@pytest.mark.parametrize(("verb", "declared"), OPTIONS, ids=lambda part: getattr(part, "spelled", part))
def test_every_option_sets_a_key_of_its_schema_and_says_what_holds_without_it(verb: str, declared: Option) -> None:
    key = declared.key.removesuffix(".margin") if declared.flag.under else declared.key
    assert allowed([int(part) if part.isdigit() else part for part in key.split(".")], schema_of(verb)) != "nothing"
    assert declared.field.description
    assert declared.flag.metavar or declared.kind is bool
    assert declared.default
    assert declared.default not in ("None", "{}", "[]"), "say in words what holds (shown=...)"


def test_an_option_belongs_to_one_key() -> None:
    class Twice(RecipeSection):
        first: int = option(1, "one", "N", flag="top")
        second: int = option(2, "another", "N", flag="top")

    with pytest.raises(TypeError, match="--top sets first and second"):
        options_of(Twice)


def test_a_section_may_keep_its_options_to_itself() -> None:
    class Judge(RecipeSection):
        flagged = frozenset({"name"})

        name: str = option("x", "a model", "MODEL", flag="judge")
        length: int = option(2, "its length", "N")

    assert list(options_of(Judge)) == ["judge"]


@pytest.mark.parametrize(
    ("given", "section", "key", "value"),
    [
        ({"lr": "auto"}, "training", "lr", "auto"),
        ({"lr": "2e-5"}, "training", "lr", 0.00002),
        ({"lr": 0.1}, "training", "lr", 0.1),
        ({"matryoshka": "64,32"}, "matryoshka", "dimensions", [64, 32]),
        ({"matryoshka": [64, 32]}, "matryoshka", "dimensions", [64, 32]),
        ({"columns": "anchor=질문"}, "data", "columns", {"anchor": "질문"}),
        ({"columns": {"anchor": "질문"}}, "data", "columns", {"anchor": "질문"}),
        ({"texts_only": True}, "data", "texts_only", True),
    ],
)
def test_text_and_plain_values_mean_the_same(given: dict, section: str, key: str, value: object) -> None:
    assert load(TrainConfig, options=given).model_dump()[section][key] == value


@pytest.mark.parametrize("losses", ["gist:0.5", ["gist:0.5"], [{"name": "gist", "weight": 0.5}]])
def test_losses_and_their_margin(losses: object) -> None:
    (term,) = load(TrainConfig, options={"loss": losses, "margin": "0.1"}).loss
    assert (term.name, term.weight, term.args) == ("gist", 0.5, {"margin": 0.1})
