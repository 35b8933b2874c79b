"""Test queries that an earlier run of the same encoder learned: counted, and not called unseen."""

from collections.abc import Callable
from pathlib import Path

import pytest

from embedtune.config.verbs.train import TrainConfig
from embedtune.data.prepare import TrainingData, prepare
from embedtune.workflows.shared.run_folder import FACTS, new_run
from embedtune.workflows.shared.talk import Silence
from embedtune.workflows.train.earlier_training import with_earlier_training

Recipe = Callable[..., TrainConfig]


@pytest.fixture
def run_of(recipe: Recipe) -> Callable[..., Path]:
    """Makes the model folder of a run, empty: nobody loads it here."""

    def make(output: str, *overrides: str, **options: str) -> Path:
        config = recipe(*overrides, output=output, **options)
        folder = new_run(config)
        folder.write_json(FACTS, {"data_sha256": dict(prepare(config.data, config.training.seed).hashes)})
        folder.model.mkdir()
        return folder.model

    return make


def learned(config: TrainConfig) -> tuple[TrainingData, TrainingData]:
    """The data of a recipe, without and with what earlier runs learned."""
    data = prepare(config.data, config.training.seed)
    return data, with_earlier_training(config, data, Silence())


def test_another_split_of_the_same_file_was_learned_before(recipe: Recipe, run_of: Callable[..., Path]) -> None:
    first = run_of("first")
    before = prepare((config := recipe(f"model.name={first}", "training.seed=1")).data, 0)
    data, found = learned(config)
    assert data.test is not None and before.dev is not None
    taught = {*before.train.positives, *(before.dev.corpus[one] for ids in before.dev.qrels.values() for one in ids)}
    relevant = {query: {data.test.corpus[one] for one in ids} for query, ids in data.test.qrels.items()}
    expected = {query for query, texts in relevant.items() if not texts & taught}
    assert data.unseen == set(relevant) and found.unseen == expected != data.unseen
    said = [one.message for one in found.findings if one.code == "test-documents-seen-in-training"]
    assert len(said) == 1 and said[0].startswith(f"training data of {first}: ")


def test_the_same_split_holds_nothing_new(recipe: Recipe, run_of: Callable[..., Path]) -> None:
    data, found = learned(recipe(f"model.name={run_of('first')}"))
    assert found.unseen == data.unseen and found.findings == data.findings


def test_a_chain_of_runs_is_followed_and_a_finding_of_both_is_given_once(
    recipe: Recipe, run_of: Callable[..., Path]
) -> None:
    first = run_of("first")
    second = run_of("second", f"model.name={first}")
    _, alone = learned(recipe(f"model.name={first}", "training.seed=1"))
    _, chained = learned(recipe(f"model.name={second}", "training.seed=1"))
    assert chained.unseen == alone.unseen
    said = [one.message for one in chained.findings if one.code == "test-documents-seen-in-training"]
    assert len(said) == 1 and said[0].startswith(f"training data of {second}, {first}: ")


@pytest.mark.parametrize("model", ["starter", "checkpoint"])
def test_only_models_and_checkpoints_of_runs_have_a_past(
    recipe: Recipe, run_of: Callable[..., Path], model: str
) -> None:
    checkpoint = run_of("first").parent / "checkpoints" / "checkpoint-2"
    checkpoint.mkdir(parents=True)
    name = str(checkpoint) if model == "checkpoint" else model
    data, found = learned(recipe(f"model.name={name}", "training.seed=1"))
    assert (found.unseen == data.unseen) is (model == "starter")


def test_data_that_is_gone_is_told(recipe: Recipe, run_of: Callable[..., Path], tmp_path: Path) -> None:
    other = tmp_path / "other.jsonl"
    other.write_text((tmp_path / "pairs.jsonl").read_text(encoding="utf-8"), encoding="utf-8")
    first = run_of("first", data=str(other))
    other.unlink()
    _, found = learned(recipe(f"model.name={first}"))
    assert [one.code for one in found.findings].count("training-data-unknown") == 1
