"""The mining recipe: its options, its checks, and that its words are as good as those of training."""

import pytest

from embedtune.config.recipe.load import dump_config, load
from embedtune.config.recipe.problems import InvalidConfig
from embedtune.config.verbs.mine import MineConfig
from embedtune.errors import ConfigError


def test_defaults_without_anything() -> None:
    assert load(MineConfig) == MineConfig()


def test_a_recipe_written_out_reads_back_equal(tmp_path) -> None:
    config = load(
        MineConfig,
        None,
        ["mining.block=7"],
        {"prompts": 'query="질문: "', "target_kept": "0.8", "range": "5:50", "memory": "512MB", "group": "주제"},
    )
    path = tmp_path / "채굴.yaml"
    path.write_text(dump_config(config), encoding="utf-8")
    assert load(MineConfig, str(path)) == config
    assert config.filters.ranks == (5, 50)
    assert config.filters.target_kept == 0.8
    assert config.mining.memory_bytes == 512_000_000
    assert config.model.prompts == {"query": "질문: "}


def test_all_mistakes_are_told_at_once() -> None:
    options = {"range": "9:3", "memory": "lots", "negatives": 0, "target_kept": "some", "candidates": "sparse"}
    with pytest.raises(InvalidConfig) as raised:
        load(MineConfig, None, ["filters.max_scor=1"], options)
    text = str(raised.value)
    for words in (
        "holds no rank",
        "not an amount of memory",
        "a whole number of at least 1",
        "auto",
        "one of dense, bm25, dense+bm25",
        "did you mean 'filters.max_score'?",
    ):
        assert words in text or words.replace("filters.", "") in text, words


def test_nobody_may_be_asked_by_name() -> None:
    assert load(MineConfig, None, (), {"guide": "none", "cross_encoder": "none"}) == MineConfig()


def test_bounds_that_leave_nothing_are_refused() -> None:
    with pytest.raises(ConfigError, match="nothing would stay"):
        load(MineConfig, None, (), {"min_score": 0.9, "max_score": 0.1})


@pytest.mark.parametrize(
    ("options", "calibrated"),
    [
        ({}, True),
        ({"margin": 0.0}, False),
        ({"relative_margin": 0.05}, False),
        ({"percent_of_positive": 95.0}, False),
        ({"target_kept": "none"}, False),
        ({"max_score": 0.8}, True),
    ],
)
def test_a_margin_is_chosen_only_where_none_was_given(options: dict, calibrated: bool) -> None:
    assert load(MineConfig, None, (), options).filters.calibrated is calibrated
