"""A finished run that is named again: shown, saved again or trained on, and never a command that did nothing."""

import shutil
from pathlib import Path

import pytest

from embedtune.config.sections.encoder import EncoderSection
from embedtune.errors import ConfigError, OutputError
from embedtune.models.encode.encode import encode
from embedtune.models.files.load import load_encoder
from embedtune.training.run.log import read_log
from embedtune.workflows.shared.run_folder import RunFolder
from embedtune.workflows.train.run import train


@pytest.fixture
def finished(recipe) -> RunFolder:
    return RunFolder(Path(train(recipe("output.keep_checkpoints=true")).run))


def vectors(run: RunFolder) -> list:
    return encode(load_encoder(EncoderSection(name=str(run.model)), device="cpu"), ["환불 3?"], role="query").tolist()


def test_it_trains_on_for_more_steps(recipe, finished, listener) -> None:
    result = train(recipe(max_steps=6), talk=listener, resume=finished, accept_changes=True)
    assert (result.steps, result.epochs) == (6, 2.0)
    assert "resuming after step 2 of 6" in listener.said
    assert finished.result().steps == 6
    assert finished.recipe().training.max_steps == 6
    logged = [line["step"] for line in read_log(finished.path / "metrics.jsonl") if "loss" in line]
    assert logged == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("options", [{"lr": 0.5}, {"max_steps": 1}, {"max_steps": 2, "epochs": 20}, {"guide": "none"}])
def test_changes_that_add_no_step_are_refused(recipe, finished, options) -> None:
    kept = finished.result(), finished.recipe()
    with pytest.raises(ConfigError, match="after 2 steps, and these changes would train no further") as refused:
        train(recipe(**options), resume=finished, accept_changes=True)
    assert f"--model {finished.model}" in refused.value.next
    assert (finished.result(), finished.recipe()) == kept


def test_a_run_that_ended_early_needs_more_patience(recipe) -> None:
    def early(patience: str, epochs: int):
        values = (f"training.patience={patience}", "training.lr=1e-12", "output.keep_checkpoints=true")
        return recipe(*values, max_steps=None, epochs=epochs, guide="none")

    run = RunFolder(Path(train(early("1", 9)).run))
    done = run.result().steps
    with pytest.raises(ConfigError, match="dev scores no longer rose") as refused:
        train(early("1", 12), resume=run, accept_changes=True)
    assert "raise training.patience, now 1" in refused.value.next
    assert train(early("2", 9), resume=run, accept_changes=True).steps > done


def test_without_checkpoints_it_cannot_train_on(recipe, finished) -> None:
    shutil.rmtree(finished.path / "checkpoints")
    with pytest.raises(ConfigError, match="its checkpoints are gone"):
        train(recipe(max_steps=6), resume=finished, accept_changes=True)


@pytest.mark.parametrize("lost", ["model", "model/model.safetensors", "model/modules.json"])
def test_a_lost_model_is_saved_again_from_the_checkpoint(recipe, finished, listener, lost) -> None:
    before, path = vectors(finished), finished.path / lost
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    result = train(recipe(), talk=listener, resume=finished)
    assert any("is gone or incomplete" in said for said in listener.warned)
    assert Path(result.model).is_dir() and vectors(finished) == before


def test_a_model_lost_with_its_checkpoints_is_not_promised(recipe, finished) -> None:
    shutil.rmtree(finished.model)
    shutil.rmtree(finished.path / "checkpoints")
    with pytest.raises(OutputError, match=r"its model .* is gone, and so are its checkpoints"):
        train(recipe(), resume=finished)
    with pytest.raises(ConfigError, match="its checkpoints are gone") as refused:
        train(recipe(max_steps=6), resume=finished, accept_changes=True)
    assert "--model" not in refused.value.next


def test_its_checkpoints_go_when_it_is_done_and_stay_until_then(recipe, listener, pairs) -> None:
    run = RunFolder(Path(train(recipe(), talk=listener).run))
    [said] = [said for said in listener.said if "on disk" in said]
    assert "were removed (--keep-checkpoints keeps them)" in said
    assert run.has_model and not run.checkpoints.exists() and not list(run.path.glob(".*"))
    on_disk = sum(path.stat().st_size for path in run.model.rglob("*") if path.is_file() and path.name != "README.md")
    assert run.result().model_bytes == on_disk
    listener.said.clear()
    assert train(recipe(), talk=listener, resume=run) == run.result()
    with pytest.raises(ConfigError, match="cannot train on: its checkpoints are gone") as refused:
        train(recipe(max_steps=6), resume=run, accept_changes=True)
    assert f"--model {run.model}" in refused.value.next and "--keep-checkpoints" in refused.value.next


def test_the_result_of_a_moved_run_names_files_that_exist(finished, tmp_path) -> None:
    moved = RunFolder(finished.path.rename(tmp_path / "elsewhere"))
    result = moved.result()
    assert Path(result.model).is_dir() and Path(result.report).is_file() and result.run == str(moved.path)
    assert str(moved.model) in "\n".join(result.how_to_use)
