"""The guard of a run: what is said, what is chosen, what stops it; BM25 beside it; trained documents apart."""

import json
from pathlib import Path

import numpy as np
import pytest

from embedtune.config.sections.encoder import EncoderSection
from embedtune.errors import ConfigError, GuardError
from embedtune.models.files.load import load_encoder
from embedtune.reports.document.markdown import markdown
from embedtune.reports.train import training
from embedtune.workflows.shared.run_folder import RunFolder
from embedtune.workflows.train.run import train


@pytest.fixture(scope="module")
def guard_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    words = ("cook", "moon", "tax", "요리", "달", "세금")
    rows = [{"query": f"how {words[i % 6]} {i}", "answer": f"{words[i % 6]} {i} is done so"} for i in range(60)]
    path = tmp_path_factory.mktemp("guard") / "everyday.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def weights(name: str) -> dict[str, np.ndarray]:
    model = load_encoder(EncoderSection(name=name), device="cpu").model
    return {key: value.numpy() for key, value in model.state_dict().items()}


def test_the_guard_stands_in_result_and_report(recipe, bert_folder, guard_file) -> None:
    result = train(recipe(model=str(bert_folder), lr=0.01, guard=[guard_file]))
    (row,) = result.guard
    assert (row["set"], row["metric"], row["queries"]) == ("everyday", "ndcg@10", 60)
    assert row["difference"] == pytest.approx(row["after"] - row["before"])
    assert result.alpha is None and result.alphas == ()
    shown, printed = markdown(training(result)), str(result)
    assert "What was kept" in shown and "everyday (60 queries)" in shown
    assert "guard" in printed
    again = RunFolder(Path(result.run)).result()
    assert json.loads(json.dumps(again.guard)) == json.loads(json.dumps(result.guard))
    assert again.beside_bm25 == result.beside_bm25


def test_bm25_stands_alone_and_beside_the_encoder(recipe, bert_folder) -> None:
    result = train(recipe(model=str(bert_folder), guard=["none"]))
    assert result.guard == () and [one["model"] for one in result.baselines] == ["bm25"]
    assert result.beside_bm25 is not None
    assert result.beside_bm25.verdict.queries == result.verdict.queries
    assert "Beside BM25: " in str(result) and "before, beside BM25" in markdown(training(result))
    assert result.as_json()["beside_bm25"]["verdict"]["sentence"] == result.beside_bm25.verdict.sentence


def test_a_mixture_lies_between_before_and_after(recipe, bert_folder, guard_file) -> None:
    options = {"model": str(bert_folder), "lr": 0.01, "guard": [guard_file]}
    mixed, plain = train(recipe(**options, merge="auto")), train(recipe(**options, output="plain"))
    assert mixed.alpha in [point.alpha for point in mixed.alphas if point.chosen]
    assert mixed.guard[0]["queries"] == 30
    before, after, found = (weights(name) for name in (str(bert_folder), plain.model, mixed.model))
    for key, value in found.items():
        expected = (1 - mixed.alpha) * before[key].astype(np.float64) + mixed.alpha * after[key]
        np.testing.assert_allclose(value, expected, atol=1e-6)
    assert not list(Path(mixed.run).glob("checkpoints/*.safetensors"))
    assert "alpha" in str(mixed) and "How far to go" in markdown(training(mixed))


def test_a_run_that_loses_the_guard_can_be_stopped(recipe, bert_folder, guard_file, monkeypatch) -> None:
    monkeypatch.setattr("embedtune.workflows.train.kept.keeping.holds", lambda found: False)
    with pytest.raises(GuardError, match="stopped at step") as stopped:
        train(recipe(model=str(bert_folder), lr=0.01, guard=[guard_file], guard_policy="stop"))
    assert stopped.value.exit_code == 3
    assert RunFolder(Path(str(stopped.value.where))).trained


def test_a_policy_needs_a_guard_and_a_starter_needs_none(recipe, bert_folder) -> None:
    with pytest.raises(ConfigError, match="needs a guard"):
        train(recipe(model=str(bert_folder), guard=["none"], guard_policy="choose"))
    assert train(recipe(max_steps=1)).guard == ()
