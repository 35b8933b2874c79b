"""The options of `embedtune evaluate`."""

import pytest

from embedtune.config.recipe.load import load
from embedtune.config.verbs.evaluate import EvaluateConfig
from embedtune.errors import ConfigError


def test_lists_are_written_with_commas() -> None:
    config = load(
        EvaluateConfig, options={"metrics": "ndcg@10, map@5", "dimensions": "64,32", "model": ["a", "bm25", "b"]}
    )
    assert config.evaluation.metrics == ["ndcg@10", "map@5"]
    assert config.models.dimensions == [64, 32]
    assert config.models.encoders == ["a", "b"]


@pytest.mark.parametrize(
    ("options", "systems"),
    [({}, ["starter", "bm25"]), ({"run": ["a.trec"]}, []), ({"model": ["a"]}, ["a"]), ({"model": ["BM25"]}, ["bm25"])],
)
def test_what_is_scored_where_nothing_is_named(options: dict, systems: list[str]) -> None:
    assert load(EvaluateConfig, options=options).models.systems == systems


def test_prompts_once_or_once_for_each_encoder() -> None:
    once = load(EvaluateConfig, options={"model": ["a", "b"], "prompts": ['query="질문: "']}).models
    assert [once.section(name).prompts for name in "ab"] == [{"query": "질문: "}] * 2
    each = load(EvaluateConfig, options={"model": ["a", "bm25", "b"], "prompts": ["query=q: ", "document=d: "]}).models
    assert [each.section(name).prompts for name in "ab"] == [{"query": "q: "}, {"document": "d: "}]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"model": ["a", "b", "c"], "prompts": ["query=q", "query=r"]}, "2 prompts for 3 encoders"),
        ({"model": ["a", "a"]}, "the model a is named more than once"),
        ({"prompts": ["passage=x"]}, "unknown prompt role 'passage'"),
        ({"prompts": ["x"]}, "not KEY=VALUE"),
        ({"dimensions": "0"}, "at least 1"),
        ({"dimensions": "ten"}, "whole number"),
        ({"model": ["bm25"], "dimensions": "8"}, "only encoders use this"),
        ({"run": ["x"], "max_length": 64}, "max_length: only encoders"),
        ({"data": ["a", "a"]}, "named more than once"),
    ],
)
def test_mistakes(options: dict, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        load(EvaluateConfig, options=options)
