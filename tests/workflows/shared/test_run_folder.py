"""The folder of a run: begun, kept whole, compared with what is asked now, and taken back."""

import json
from pathlib import Path

import pytest

from embedtune.config.recipe.load import load
from embedtune.config.verbs.train import TrainConfig
from embedtune.errors import ConfigError, OutputError
from embedtune.workflows.shared.machine import machine_facts
from embedtune.workflows.shared.run_folder import REPORT, RUNS, RunFolder, new_run


@pytest.fixture
def folder(recipe) -> RunFolder:
    return new_run(recipe())


def test_a_new_run_holds_its_recipe_and_nothing_else(recipe, folder) -> None:
    assert [path.name for path in folder.path.iterdir()] == ["recipe.yaml"]
    assert folder.recipe() == recipe()
    assert folder.begun
    assert not folder.trained
    assert not folder.done


def test_a_second_run_does_not_enter_the_folder(recipe, folder) -> None:
    with pytest.raises(ConfigError, match="already holds a run") as caught:
        new_run(recipe())
    assert f"`embedtune train --resume {folder.path}` resumes it" in str(caught.value.next)
    folder.write_json(REPORT, {})
    with pytest.raises(ConfigError, match="already holds a finished run") as caught:
        new_run(recipe())
    assert "shows its result again" in str(caught.value.next)


def test_other_peoples_files_are_not_touched(recipe, tmp_path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "diary.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigError, match="is not empty"):
        new_run(recipe())
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["diary.txt"]


def test_an_empty_folder_is_taken(recipe, tmp_path) -> None:
    (tmp_path / "run").mkdir()
    assert new_run(recipe()).begun


def test_the_home_folder_is_understood(recipe, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    config = recipe()
    output = config.output.model_copy(update={"folder": "~/mine"})
    assert new_run(config.model_copy(update={"output": output})).path == tmp_path / "mine"


def test_two_unnamed_runs_of_one_second_do_not_meet(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    paths = {new_run(load(TrainConfig)).path for _ in range(3)}
    assert len(paths) == 3
    assert {path.parent for path in paths} == {RUNS}


def test_a_discarded_run_leaves_nothing_of_its_own(folder) -> None:
    folder.write_json("run.json", {"a": 1})
    (folder.path / ".run.json.x1y2.unfinished").write_text("", encoding="utf-8")
    for part in (folder.start, folder.path / "checkpoints" / "eval"):
        part.mkdir(parents=True)
        (part / "model.safetensors").write_bytes(b"x")
    folder.discard()
    assert not folder.path.exists()


def test_what_others_put_there_meanwhile_survives(folder) -> None:
    (folder.path / "diary.txt").write_text("mine", encoding="utf-8")
    folder.discard()
    assert [path.name for path in folder.path.iterdir()] == ["diary.txt"]


def test_the_folder_of_all_runs_goes_with_the_only_one(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    first, second = new_run(load(TrainConfig)), new_run(load(TrainConfig))
    first.discard()
    assert RUNS.is_dir()
    second.discard()
    assert not RUNS.exists()


def test_a_write_cut_short_leaves_the_old_file(folder, monkeypatch) -> None:
    folder.write_json("run.json", {"말": "옛것"})
    with pytest.raises(TypeError):
        folder.write_json("run.json", {"말": object()})
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OutputError, match="full"):
        folder.write_json("run.json", {"말": "새것"})
    assert folder.facts() == {"말": "옛것"}
    assert "옛것" in (folder.path / "run.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("content", ['{"a": ', "\xff"])
def test_a_damaged_file_is_told_and_no_traceback(folder, content) -> None:
    (folder.path / "report.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(OutputError, match=r"report\.json of this run cannot be read"):
        folder.result()


def test_facts_of_a_run_that_has_none_yet(folder) -> None:
    assert folder.facts() == {}


def test_machine_facts_are_plain() -> None:
    facts = json.loads(json.dumps(machine_facts()))
    assert {"embedtune", "python", "torch", "sentence-transformers"} <= set(facts["versions"])


def test_what_a_killed_beginning_left_is_no_obstacle(recipe, tmp_path) -> None:
    config = recipe()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".recipe.yaml.x1y2.unfinished").touch()
    assert new_run(config).begun


def test_a_run_without_facts_was_started_here(recipe) -> None:
    folder = new_run(recipe())
    assert folder.started_in == Path.cwd()
    folder.write_json("run.json", {"started_in": "/elsewhere"})
    assert folder.started_in == Path("/elsewhere")
