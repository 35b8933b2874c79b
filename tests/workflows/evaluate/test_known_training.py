"""What an evaluation knows of the training of its models: run folders, data named, data gone."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from embedtune.config.recipe.load import load
from embedtune.config.verbs.evaluate import EvaluateConfig
from embedtune.config.verbs.train import TrainConfig
from embedtune.data.prepare import prepare
from embedtune.data.rows import RetrievalSet
from embedtune.data.splits.removal import OTHER_DATA
from embedtune.errors import DataError
from embedtune.workflows.evaluate.known_training import read_training
from embedtune.workflows.shared.run_folder import FACTS, new_run
from embedtune.workflows.shared.talk import Silence


def judged(seen: str) -> RetrievalSet:
    """Three queries; a document of the first and the third has this text."""
    return RetrievalSet(
        "test",
        {"q1": "Where is it?", "q2": "어디에 있나요?", "q3": "Which one?"},
        {"d1": seen, "d2": "Nothing that anybody learned.", "d3": "아무도 배우지 않은 글."},
        {"q1": {"d1": 1}, "q2": {"d3": 1, "d1": 0}, "q3": {"d1": 1, "d2": 1}},
    )


@pytest.fixture
def run_of(recipe: Callable[..., TrainConfig]) -> Callable[..., Path]:
    """Makes the model folder of a run, empty: nobody loads it here."""

    def make(output: str, *overrides: str) -> Path:
        config = recipe(*overrides, output=output)
        folder = new_run(config)
        folder.write_json(FACTS, {"data_sha256": dict(prepare(config.data, config.training.seed).hashes)})
        folder.model.mkdir()
        return folder.model

    return make


@pytest.fixture
def model(run_of: Callable[..., Path]) -> Path:
    return run_of("run")


def training(**options):
    return read_training(load(EvaluateConfig, options=options), Silence())


def test_a_run_tells_what_its_model_learned(model: Path) -> None:
    known = training(model=[str(model), "bm25", "starter"])
    (learned,) = known.known
    assert not known.findings and len(learned.rows) < 48
    assert known.leaks(judged(learned.rows.positives[0]))[1] == {"q2"}
    assert known.leaks(judged("A text of nobody."))[1] == {"q1", "q2", "q3"}


def test_a_run_that_kept_its_start_taught_nothing(run_of: Callable[..., Path]) -> None:
    """Neither by dev nor by the guard; a checkpoint of it is trained, and so is what it had started from."""
    first = run_of("first", "training.seed=1")
    model = run_of("kept", f"model.name={first}")

    def whose(name: Path) -> list[str]:
        return [learned.whose for learned in training(model=[str(name)]).known]

    assert whose(model) == [str(model), str(first)]
    for report, taught in (
        ({"best_step": 0}, [str(first)]),
        ({"best_step": 4, "alpha": 0.0}, [str(first)]),
        ({"best_step": 4, "alpha": 0.5}, [str(model), str(first)]),
        ({"best_step": None, "alpha": None}, [str(model), str(first)]),
        ({"best_step": 0, "domains": ["a", "b"]}, [str(model), str(first)]),
        ([], [str(model), str(first)]),
    ):
        (model.parent / "report.json").write_text(json.dumps(report), encoding="utf-8")
        assert whose(model) == taught, report
    (model.parent / "report.json").write_text('{"best_step": 0}', encoding="utf-8")
    checkpoint = model.parent / "checkpoints" / "checkpoint-4"
    checkpoint.mkdir(parents=True)
    assert whose(checkpoint) == [str(checkpoint), str(first)]


def test_data_named_are_learned_whole(pairs: Path) -> None:
    known = training(model=["bm25"], train_data=[str(pairs)])
    assert len(known.known[0].rows) == 48
    test = judged("The answer  on 배송 number 6.")
    assert known.leaks(test)[1] == {"q2"}
    (finding,) = known.leaks(test)[0]
    assert finding.code == "test-documents-seen-in-training" and str(pairs) in finding.message


def test_the_advice_about_queries_seen_names_the_data(model: Path, pairs: Path, tmp_path: Path) -> None:
    test = judged("x")
    test = replace(test, queries={**test.queries, "q1": training(model=[str(model)]).known[0].rows.anchors[0]})
    for known in (training(model=[str(model)]), training(model=["bm25"], train_data=[str(pairs)])):
        (finding,) = known.tested_on("faq test").leaks(test)[0]
        assert f"`embedtune check --data {pairs} --eval-data 'faq test' --fix clean.jsonl`" in finding.fix
        (finding,) = known.tested_on(str(pairs)).leaks(test)[0]
        assert finding.fix == OTHER_DATA


def test_two_models_of_the_same_data_are_read_once(model: Path, pairs: Path) -> None:
    assert len(training(model=[str(model)], query_model=str(model)).known) == 1


def test_by_another_seed_other_rows_were_learned(run_of: Callable[..., Path]) -> None:
    models = [run_of("seed0"), run_of("seed1", "training.seed=1")]
    first, second = (set(one.rows.positives) for one in training(model=[str(model) for model in models]).known)
    assert first != second
    held_out = judged(min(second - first))
    assert training(model=[str(models[0])]).leaks(held_out)[1] == {"q1", "q2", "q3"}
    assert training(model=[str(model) for model in models]).leaks(held_out)[1] == {"q2"}


def test_a_leak_of_two_training_sets_is_said_once(pairs: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.jsonl"
    copy.write_text(pairs.read_text(encoding="utf-8"), encoding="utf-8")
    known = training(model=["bm25"], train_data=[str(pairs), str(copy)])
    (finding,) = known.leaks(judged("The answer on 배송 number 6."))[0]
    assert finding.message.startswith(f"training data of {pairs}, {copy}: 2 of 4 test judgments")
    assert "training data" not in finding.message[16:]


def test_a_damaged_run_is_told_and_does_not_stop_the_evaluation(model: Path) -> None:
    (model.parent / FACTS).write_text("{", encoding="utf-8")
    (finding,) = training(model=[str(model)]).findings
    assert finding.code == "training-data-unknown" and FACTS in finding.message


def test_without_anything_known_no_query_is_called_unseen() -> None:
    assert training(model=["bm25", "starter"]).leaks(judged("x"))[1] is None


def test_data_that_have_changed_are_no_evidence(model: Path, pairs: Path) -> None:
    pairs.write_text(pairs.read_text(encoding="utf-8") + json.dumps({"anchor": "새", "positive": "글"}) + "\n")
    known = training(model=[str(model)])
    assert known.leaks(judged("x"))[1] is None
    assert [finding.code for finding in known.findings] == ["training-data-unknown"]
    assert "has changed" in known.findings[0].message


def test_data_that_are_gone_are_told(model: Path, pairs: Path) -> None:
    pairs.unlink()
    (finding,) = training(model=[str(model)]).findings
    assert finding.code == "training-data-unknown" and "--train-data" in finding.fix


def test_data_named_that_cannot_be_read_name_the_option() -> None:
    with pytest.raises(DataError) as caught:
        training(model=["bm25"], train_data=["nowhere.jsonl"])
    assert caught.value.where == "--train-data nowhere.jsonl"
