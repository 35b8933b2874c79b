"""Which recipe runs, which run is resumed, and that nothing is opened or built more often than it must be."""

import json
from pathlib import Path

import pytest

from embedtune.data import prepare
from embedtune.errors import ConfigError, OutputError
from embedtune.training.step import objective
from embedtune.workflows.shared.run_folder import RunFolder, new_run
from embedtune.workflows.shared.talk import Silence
from embedtune.workflows.train import plan, recipe_checks, run
from embedtune.workflows.train.plan import plan_command, run_to_resume


def test_a_run_named_resumes_with_its_own_recipe(recipe, tmp_path) -> None:
    folder = new_run(recipe(seed=7))
    found = plan_command(None, [], {}, talk=Silence(), resume=str(folder.path))
    assert found.run == folder and found.config == recipe(seed=7) and found.changes == ()


def test_auto_repeats_a_complete_command(recipe, pairs) -> None:
    folder = new_run(recipe())
    options = {"data": str(pairs), "output": str(folder.path)}
    with pytest.raises(ConfigError, match="other options"):
        plan_command(None, [], options, talk=Silence(), resume="auto")
    accepted = plan_command(None, [], options, talk=Silence(), resume="auto", accept_changes=True)
    assert any("training.max_steps" in change for change in accepted.changes)
    alone = plan_command(None, [], {"output": str(folder.path)}, talk=Silence(), resume="auto")
    assert alone.config == recipe()


@pytest.mark.parametrize(
    ("resume", "output", "where"),
    [("auto", None, "--resume"), ("nowhere", None, "--resume"), ("one", "another", "--output")],
)
def test_a_run_that_cannot_be_resumed(tmp_path, monkeypatch, resume, output, where) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as caught:
        run_to_resume(resume, output)
    assert caught.value.where == where and caught.value.next


def test_auto_starts_where_there_is_no_run(tmp_path) -> None:
    assert run_to_resume("auto", str(tmp_path / "new")) is None and run_to_resume(None, None) is None


def test_data_is_opened_once_and_a_loss_built_twice(recipe, monkeypatch) -> None:
    """A loss once to be checked, and once for the run."""
    opened, built = [], []
    opening, building = plan.open_source, recipe_checks.build_loss
    for place in (plan, run, prepare):
        monkeypatch.setattr(place, "open_source", lambda name: opened.append(name) or opening(name))
    for place in (recipe_checks, objective):
        monkeypatch.setattr(place, "build_loss", lambda name, **args: built.append(name) or building(name, **args))
    run.train(recipe(loss=["infonce"]))
    assert len(opened) == 1 and built == ["infonce", "infonce"]


def test_a_run_that_is_done_gives_its_result_again(recipe, listener) -> None:
    first = run.train(recipe(loss=["infonce"]))
    folder = RunFolder(Path(first.run))
    again = run.train(recipe(loss=["infonce"]), talk=listener, resume=folder)
    assert json.loads(json.dumps(again.as_json())) == json.loads(json.dumps(first.as_json()))
    assert listener.said == [f"{folder.path} is already done"]
    for damage in ("[]", "{}", '{"run": 1, "findings": 3}'):
        folder.write("report.json", damage)
        with pytest.raises(OutputError, match=r"report\.json"):
            run.train(recipe(loss=["infonce"]), resume=folder)
