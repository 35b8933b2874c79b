"""The job folder: stages by what they are made from, nothing stale, nothing damaged."""

from pathlib import Path

import numpy as np
import pytest

from embedtune.errors import ConfigError, OutputError
from embedtune.workflows.shared.jobs.job import MANIFEST, OWN, Job, changes, is_done, load_array, save_array
from embedtune.workflows.shared.output_folder import refuse_others


def test_a_stage_is_found_again_and_a_changed_one_is_begun_anew(tmp_path: Path) -> None:
    job = Job(tmp_path / "출력.jsonl.job")
    first = job.stage("candidates", model="a", k=5)
    (first / "x").write_text("done")
    other = job.stage("vectors", model="a")
    assert job.stage("candidates", k=5, model="a") == first
    assert (first / "x").exists()
    second = job.stage("candidates", model="b", k=5)
    assert second != first
    assert not first.exists()
    assert list(second.iterdir()) == []
    assert other.exists()


def test_a_damaged_manifest_is_as_good_as_none(tmp_path: Path) -> None:
    job = Job(tmp_path)
    job.write_json(MANIFEST, {"설정": 1})
    assert job.manifest() == {"설정": 1}
    for damage in ("{", "[1]", ""):
        (tmp_path / MANIFEST).write_text(damage)
        assert job.manifest() == {}


def test_clear_takes_stages_and_remove_takes_everything(tmp_path: Path) -> None:
    job = Job(tmp_path / "j")
    (job.stage("a", x=1) / "f").write_text("")
    job.write_json(MANIFEST, {})
    job.clear()
    assert list(job.path.iterdir()) == []
    job.remove()
    assert not job.path.exists()


def test_files_of_others_stay_in_a_job_folder(tmp_path: Path) -> None:
    job = Job(tmp_path / "j")
    stage = job.stage("a", x=1)
    for name in ("a-2024", "notes-2024"):
        (job.path / name).mkdir()
        (job.path / name / "f").write_text("mine")
    job.stage("a", x=2)
    assert not stage.exists()
    job.clear()
    job.remove()
    assert sorted(path.name for path in job.path.rglob("*")) == ["a-2024", "f", "f", "notes-2024"]
    with pytest.raises(ConfigError, match="holds other files: a-2024, notes-2024"):
        refuse_others(job.path, OWN)
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="not a folder"):
        refuse_others(tmp_path / "file", OWN)


def test_an_array_is_saved_whole(tmp_path: Path) -> None:
    save_array(tmp_path / "a.npy", np.arange(6).reshape(2, 3))
    assert load_array(tmp_path / "a.npy").tolist() == [[0, 1, 2], [3, 4, 5]]
    assert [path.name for path in tmp_path.iterdir()] == ["a.npy"]


def test_a_damaged_part_is_not_done(tmp_path: Path) -> None:
    part = tmp_path / "a.npy"
    assert not is_done(part)
    save_array(part, np.arange(6))
    assert is_done(part)
    content = bytearray(part.read_bytes())
    content[-20] ^= 1
    part.write_bytes(content)
    assert not is_done(part)
    with pytest.raises(OutputError, match="damaged"):
        load_array(part)


def test_changes_are_named() -> None:
    before = {"model": {"name": "a"}, "data": {"x": "1", "old": "2"}}
    now = {"model": {"name": "b"}, "data": {"x": "1", "new": "3"}}
    assert list(changes(before, now)) == [
        "model.name was a, is now b",
        "data.old was 2, is now not set",
        "data.new was not set, is now 3",
    ]
