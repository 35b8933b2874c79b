"""`check --clusters`: how much a random split leaks, and what to do."""

import json

import pytest

from embedtune import api
from embedtune.errors import ConfigError

WORDS = ("card", "refund", "address", "login", "연금", "월세", "바우처", "대출")


@pytest.fixture
def pairs(tmp_path):
    """Pairs whose questions repeat one another nearly, within eight topics."""
    path = tmp_path / "pairs with a space.jsonl"
    rows = [
        {"query": f"{word} {word} {word} question {number}", "answer": f"the answer {number} about {word}"}
        for word in WORDS
        for number in range(15)
    ]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return str(path)


@pytest.fixture
def topics_alone(monkeypatch):
    """Vectors that say which topic a text is about, and little else."""
    import numpy as np

    def encoded(encoder, texts, **_):
        topic = np.array([next(place for place, word in enumerate(WORDS) if word in text) for text in texts])
        noise = np.random.default_rng(0).standard_normal((len(texts), len(WORDS)))
        vectors = np.eye(len(WORDS))[topic] + 0.02 * noise
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)

    monkeypatch.setattr("embedtune.workflows.check.clusters.encode", encoded)


def test_the_leak_is_a_finding_with_its_figures_and_the_next_command(pairs, topics_alone):
    result = api.check(data=pairs, model="starter", clusters=True, device="cpu")
    assert (result.leak.random, result.leak.by_cluster) == (1.0, 0.0)
    [found] = [one for one in result.findings if one.code == "cluster-leak"]
    assert (found.severity, found.count) == ("warning", 120)
    assert "120 texts in 8 clusters: Split at random, 100% of held-out texts" in found.message
    assert f"embedtune cluster --data '{pairs}' --model starter --output topics" in found.fix
    assert found.fix.endswith("--group cluster.")
    assert result.as_json()["leak"] == {"threshold": 0.9, "random": 1.0, "by_cluster": 0.0}


def test_it_is_measured_only_where_it_is_asked_for(pairs):
    result = api.check(data=pairs, model="starter", device="cpu")
    assert result.leak is None and all(one.code != "cluster-leak" for one in result.findings)


def test_it_needs_an_encoder(pairs):
    with pytest.raises(ConfigError, match="encoder") as failed:
        api.check(data=pairs, clusters=True)
    assert failed.value.where == "--clusters" and "--model" in failed.value.next


def test_queries_of_a_beir_folder_are_clustered_to_divide_its_qrels(tmp_path):
    from embedtune.config.verbs.check import CheckConfig, CheckedSection
    from embedtune.workflows.check.clusters import _what_to_do

    (tmp_path / "queries.jsonl").touch()
    said = _what_to_do(CheckConfig(data=CheckedSection(source=str(tmp_path))))
    assert f"--data {tmp_path}/queries.jsonl" in said and "qrels" in said and "--group" not in said
