"""A race from start to end: its files, its figures, and the same result after an interruption at any heat."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from safetensors.numpy import load_file
from sentence_transformers import SentenceTransformer

import embedtune
from embedtune.config.recipe.load import load
from embedtune.config.sections.learned_data import DataSection
from embedtune.config.verbs.train import TrainConfig
from embedtune.data.prepare import prepare
from embedtune.errors import ConfigError, DataError, Interrupted
from embedtune.evaluation.rankers import by_words
from embedtune.evaluation.tasks.judged_arrays import as_arrays
from embedtune.evaluation.tasks.retrieval import score_ranking
from embedtune.reports.results.tune import TuneResult
from embedtune.workflows.train.arms.trainer import TrainArms
from embedtune.workflows.tune.folder import RaceFolder


@pytest.fixture(scope="module")
def done(questions: Path, raced: Path, tmp_path_factory: pytest.TempPathFactory) -> TuneResult:
    output = tmp_path_factory.mktemp("tune") / "race"
    return embedtune.tune(raced, data=questions, output=output)


def without_times(result: TuneResult) -> dict[str, Any]:
    plain = json.loads(json.dumps(result.as_json()))
    for key in ("elapsed_s", "output", "model", "recipe", "report", "again", "facts"):
        plain.pop(key)
    plain["budget"].pop("spent_s")
    return plain


def test_everyone_who_raced_is_listed_with_how_it_ended(done: TuneResult) -> None:
    names = [arm["name"] for arm in done.arms]
    assert names[:4] == ["default", "faster", "hot", "frozen"]
    assert {arm["left"] for arm in done.arms} <= {"winner", "default", "final", "behind", "no room", "not in full"}
    # An arm that hardly learns has the scores of the start.
    frozen = done.arms[3]
    assert frozen["gain"] == pytest.approx(0, abs=1e-4)
    assert done.budget["used_steps"] <= done.budget["steps"] == 100


def test_the_scores_of_the_start_are_those_that_evaluation_gives(done: TuneResult) -> None:
    first = done.race[0]
    assert first["scores"]["frozen"] == pytest.approx(done.start["logrank@1000"], abs=1e-4)
    assert set(first["scores"]) == {"default", "faster", "hot", "frozen"}


def test_what_is_left_is_the_model_its_recipe_and_the_page(done: TuneResult) -> None:
    folder = Path(done.output)
    assert sorted(path.name for path in folder.iterdir()) == [
        "default.yaml", "model", "race.json", "recipe.yaml", "report.html", "report.md", "tune.json", "tune.yaml"
    ]  # fmt: skip
    assert np.isfinite(SentenceTransformer(done.model, device="cpu", local_files_only=True).encode(["lamp"])).all()
    winner = next(arm for arm in done.arms if arm["name"] == done.winner)
    recipe, default = (load(TrainConfig, str(folder / name)) for name in ("recipe.yaml", "default.yaml"))
    assert (recipe == default) == (not winner["changes"] or done.winner == "merged")
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "<svg" in page and "The arms" in page and "Test, opened once" in page


def test_the_model_is_the_one_that_training_with_the_recipe_leaves(done: TuneResult, tmp_path: Path) -> None:
    assert done.budget["final_steps"] < done.budget["full_steps"]  # finalists ran shorter than that
    trained = embedtune.train(Path(done.output) / "recipe.yaml", output=tmp_path / "run")
    assert trained.steps >= done.budget["full_steps"]
    first, second = (load_file(next(Path(one).rglob("*.safetensors"))) for one in (done.model, trained.model))
    assert first.keys() == second.keys() and all((first[name] == second[name]).all() for name in first)


def test_full_runs_come_last_in_the_race(done: TuneResult) -> None:
    last = done.race[-1]
    assert last["steps"] == done.budget["full_steps"] and last["seeds"] == 1
    named = {arm["name"] for arm in done.arms if arm["left"] in ("default", "not in full", "winner")}
    assert set(last["scores"]) == named
    assert (done.full is not None) is (len(named) == 2)


def test_dev_gain_stands_beside_test_gain_of_each_model_that_was_tested(done: TuneResult) -> None:
    assert {gain["system"] for gain in done.gains} == {"default", done.winner}
    ndcg = next(gain for gain in done.gains if gain["system"] == "default" and gain["metric"] == "ndcg@10")
    tested = next(test for test in done.comparisons if test["b"] == "default")
    assert tested["metric"] == "ndcg@10"
    assert ndcg["test"] == pytest.approx(tested["difference"], abs=1e-5) or done.verdict.on == "unseen"


def test_the_winner_stands_beside_bm25_on_the_queries_of_the_verdict(done: TuneResult, questions: Path) -> None:
    words, verdict = done.beside_bm25, done.verdict
    assert words is not None and verdict is not None
    assert (words["a"], words["b"], words["queries"]) == ("bm25", done.winner, verdict.queries)
    assert words["after"] == pytest.approx(verdict.after)
    data = prepare(DataSection(source=str(questions)), 0)
    assert data.test is not None
    judged = as_arrays(data.test)
    scores = score_ranking(by_words(100, judged), judged, ["ndcg@10"]).only(data.unseen)
    assert words["before"] == pytest.approx(scores.means["ndcg@10"], abs=1e-6)
    assert ("bm25-better" in {one.code for one in done.findings}) == (words["verdict"] == "worse")
    assert "against bm25" in Path(done.report).with_suffix(".md").read_text("utf-8")


def test_the_result_reads_back(done: TuneResult) -> None:
    again = embedtune.tune(resume=done.output)
    assert json.dumps(again.as_json()) == json.dumps(done.as_json())


@pytest.mark.slow
@pytest.mark.parametrize("at", [0, 1, 6])
def test_an_interrupted_race_ends_the_same(
    done: TuneResult, questions: Path, raced: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    train, calls = TrainArms.train, []

    def interrupted(self: TrainArms, *args: Any, **options: Any) -> Any:
        calls.append(options["steps"])
        if len(calls) == at + 1:
            raise KeyboardInterrupt
        return train(self, *args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(TrainArms, "train", interrupted)
        with pytest.raises(Interrupted) as caught:
            embedtune.tune(raced, data=questions, output=tmp_path / "race")
    if not at:
        assert not (tmp_path / "race").exists() or not any((tmp_path / "race").iterdir())
        return
    assert "--resume" in str(caught.value.next)
    trained_before = len(calls) - 1
    monkeypatch.setattr(TrainArms, "train", interrupted)
    again = embedtune.tune(resume=tmp_path / "race")
    assert without_times(again) == without_times(done)
    everything = len(calls) - 1  # the interrupted call is made again
    assert everything - trained_before < everything
    first, second = (load_file(next(Path(one.model).rglob("*.safetensors"))) for one in (done, again))
    assert all((first[name] == second[name]).all() for name in first)


def test_a_folder_with_a_race_is_not_begun_again(done: TuneResult, questions: Path, raced: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        embedtune.tune(raced, data=questions, output=done.output)
    assert f"--resume {done.output}" in str(caught.value.next)


def test_it_finds_its_data_again_from_another_folder(
    questions: Path, raced: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.chdir(questions.parent)
    monkeypatch.setattr(TrainArms, "train", interrupted)
    monkeypatch.setattr(RaceFolder, "discard", lambda self: None)  # as if the process had been killed
    with pytest.raises(Interrupted):
        embedtune.tune(raced, data=questions.name, output=tmp_path / "race")
    monkeypatch.chdir(tmp_path)
    assert RaceFolder(tmp_path / "race").config.data.source == str(questions)
    with pytest.raises(Interrupted):
        embedtune.tune(resume="race")
    for name in ("tune.yaml", "default.yaml"):  # of which the winner's recipe and the commands of the report are made
        assert yaml.safe_load((tmp_path / "race" / name).read_text("utf-8"))["data"]["source"] == str(questions)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"task": "reranker"}, "--task reranker"),
        ({"domains": "topic"}, "--domains"),
        ({"guard": ["samples:en"]}, "--guard"),
        ({"guard_policy": "stop"}, "--guard-policy"),
    ],
)
def test_what_a_race_would_ignore_is_refused_before_anything_is_read(
    questions: Path, tmp_path: Path, options: dict[str, Any], named: str
) -> None:
    with pytest.raises(ConfigError, match=f"no use for {named}"):
        embedtune.tune(data=questions, output=tmp_path / "race", **options)
    assert not (tmp_path / "race").exists()


def test_a_folder_without_a_race_cannot_be_resumed(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no race"):
        embedtune.tune(resume=tmp_path)


def test_too_small_a_budget_is_refused_before_anything_is_written(questions: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="too small"):
        embedtune.tune(data=questions, budget="10steps", output=tmp_path / "race")
    assert not (tmp_path / "race").exists()


def test_too_few_dev_queries_are_refused_and_leave_nothing(tmp_path: Path) -> None:
    rows = [{"anchor": f"question {n} on {n * 7}", "positive": f"answer {n} to {n * 7}"} for n in range(30)]
    few = tmp_path / "few.jsonl"
    few.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with pytest.raises(DataError, match="decided on dev queries"):
        embedtune.tune(data=few, budget="60steps", output=tmp_path / "race")
    assert not (tmp_path / "race").exists()


def test_an_arm_that_changes_nothing_that_exists_is_refused(questions: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "race.yaml"
    recipe.write_text("tune:\n  arms:\n    odd: [training.learning=1]\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="learning"):
        embedtune.tune(recipe, data=questions, budget="60steps", output=tmp_path / "race", device="cpu")
