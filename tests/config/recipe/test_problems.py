"""Problems in words: what was allowed, read from the schema itself."""

import pytest

from embedtune.config.recipe.problems import SHOWN, InvalidConfig, Problem, allowed
from embedtune.config.verbs.mine import MineConfig
from embedtune.config.verbs.train import TrainConfig


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("training.epochs", "a whole number of at least 1 or auto"),
        ("training.max_steps", "a whole number of at least 1 or null"),
        ("training.warmup_share", "a number from 0 to 1"),
        ("training.clip_norm", "a number above 0"),
        ("training.schedule", "one of linear, cosine, constant"),
        ("training.lr", "a number above 0 or auto"),
        ("model.trust_remote_code", "true or false"),
        ("model.name", "non-empty text"),
        ("model.lora.targets", "a list of text or all-linear"),
        ("model.prompts.query", "text"),
        ("data.columns", "a mapping"),
        ("output.nonsense", "nothing"),
    ],
)
def test_what_is_allowed_at_a_key(key: str, words: str) -> None:
    assert allowed(key.split("."), TrainConfig) == words


def test_what_is_allowed_in_a_list() -> None:
    assert allowed(["loss", 3, "weight"], TrainConfig) == "a number above 0"


def test_the_choices_of_a_union_are_listed_together() -> None:
    words = "a number above 0 and below 1, auto or none"
    assert allowed(["filters", "target_kept"], MineConfig) == words
    assert allowed(["filters", "preset"], MineConfig) == "one of hardest, semi-hard, threshold or null"


def test_one_problem_is_the_message_and_its_place() -> None:
    error = InvalidConfig([Problem("r.yaml", "a.b", "is wrong", 7)], source="r.yaml")
    assert (error.message, error.where) == ("a.b: is wrong", "r.yaml:7")


def test_many_are_listed_by_line_and_then_by_option_with_a_count_of_the_rest() -> None:
    problems = [Problem("--epochs", "", "no")] + [Problem("r.yaml", f"k{i}", "no", i) for i in range(30, 0, -1)]
    error = InvalidConfig(problems, source="r.yaml")
    lines = error.message.splitlines()
    assert lines[0] == "31 problems:"
    assert lines[1] == "  r.yaml:1: k1: no"
    assert len(lines) == 1 + SHOWN + 1
    assert lines[-1].strip() == f"... and {31 - SHOWN} more"
    assert error.problems[-1].place == "--epochs"
