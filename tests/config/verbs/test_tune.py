import pytest

from embedtune.config.recipe.load import load
from embedtune.config.verbs.train import TrainConfig
from embedtune.config.verbs.tune import RaceSection, TuneConfig
from embedtune.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "unit", "amount"),
    [
        ("30m", "seconds", 1800),
        ("2h", "seconds", 7200),
        ("90s", "seconds", 90),
        ("1.5h", "seconds", 5400),
        ("45 min", "seconds", 2700),
        ("1h30m", "seconds", 5400),
        ("500steps", "steps", 500),
        ("500 steps", "steps", 500),
    ],
)
def test_budgets_are_times_or_steps(text: str, unit: str, amount: float) -> None:
    race = RaceSection(budget=text)
    assert (race.unit, race.amount) == (unit, amount)


@pytest.mark.parametrize(
    "text", ["", "30", "half an hour", "-5m", "0steps", "1.5steps", "30 days", "9000h", "999999999999steps", "٣steps"]
)
def test_anything_else_is_refused_with_examples(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(TuneConfig, None, [], {"budget": text})
    assert "500steps" in str(caught.value)


def test_the_default_recipe_is_that_of_training() -> None:
    config = load(TuneConfig, None, ["training.epochs=3"], {"data": "pairs.jsonl", "budget": "2h"})
    assert config.recipe == load(TrainConfig, None, ["training.epochs=3"], {"data": "pairs.jsonl"})
