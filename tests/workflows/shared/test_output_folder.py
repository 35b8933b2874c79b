"""Folders for results: new, never mixed with other files, and gone when nothing came of them."""

import errno
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from embedtune.durable import UNFINISHED
from embedtune.errors import ConfigError, OutputError
from embedtune.workflows.shared.output_folder import fresh_folder


def test_a_dated_folder_where_none_was_asked_for(tmp_path: Path) -> None:
    with fresh_folder(None, tmp_path / "all", "세트") as one, fresh_folder(None, tmp_path / "all", "세트") as two:
        assert one.is_dir() and two.is_dir() and one != two
        assert one.name.endswith("-세트")


@pytest.mark.parametrize("existed", [True, False])
def test_what_a_failure_wrote_is_taken_back(tmp_path: Path, existed: bool) -> None:
    path = tmp_path / "out"
    if existed:
        path.mkdir()
    with pytest.raises(KeyError), fresh_folder(str(path), tmp_path, "x"):
        (path / "vectors-1").mkdir()
        (path / "vectors-1" / "file").write_text("x")
        (path / "starter.trec").write_text("x")
        raise KeyError
    assert path.is_dir() == existed
    assert not existed or not any(path.iterdir())


def test_a_folder_of_dated_folders_goes_when_it_was_made_for_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyError), fresh_folder(None, tmp_path / "all", "x"):
        raise KeyError
    assert not (tmp_path / "all").exists()


def test_refused_folders(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match="not empty"), fresh_folder(str(tmp_path), tmp_path, "x"):
        pass
    with (
        pytest.raises(OutputError, match="Not a directory") as refused,
        fresh_folder(f"{tmp_path}/file", tmp_path, "x"),
    ):
        pass
    assert refused.value.where == "--output"
    assert (tmp_path / "file").read_text() == "x"


def killed_in(path: Path) -> None:
    script = (
        "import os, signal, sys; from pathlib import Path\n"
        "from embedtune.workflows.shared.output_folder import fresh_folder\n"
        "with fresh_folder(sys.argv[1], Path(), 'x') as folder:\n"
        "    (folder / 'half.trec').write_text('x'); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", script, str(path)], check=False).returncode == -signal.SIGKILL
    assert (path / "half.trec").exists()


def test_what_a_killed_process_left_is_cleared_away(tmp_path: Path) -> None:
    path = tmp_path / "결과"
    killed_in(path)
    with fresh_folder(str(path), tmp_path, "x") as folder:
        assert not (folder / "half.trec").exists()
        (folder / "whole").touch()
    assert [entry.name for entry in path.iterdir()] == ["whole"]


def test_what_others_put_where_a_process_was_killed_stays(tmp_path: Path) -> None:
    path = tmp_path / "결과"
    killed_in(path)
    (path / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigError, match="not empty"), fresh_folder(str(path), tmp_path, "x"):
        pass
    assert [entry.name for entry in path.iterdir()] == ["notes.txt"]
    with pytest.raises(KeyError), fresh_folder(str(tmp_path / "new"), tmp_path, "x") as folder:
        (folder / "notes.txt").write_text("mine", encoding="utf-8")
        (folder / "evaluation.json").touch()
        raise KeyError
    assert [entry.name for entry in folder.iterdir()] == ["notes.txt"]


@pytest.mark.skipif(sys.platform == "win32", reason="no such lock there")
def test_two_do_not_write_at_once(tmp_path: Path) -> None:
    path = tmp_path / "out"
    with fresh_folder(str(path), tmp_path, "x") as folder:
        (folder / "mine").touch()
        with pytest.raises(OutputError, match="another embedtune is working"), fresh_folder(str(path), tmp_path, "x"):
            pass
        assert (folder / "mine").exists()
    with pytest.raises(ConfigError, match="not empty"), fresh_folder(str(path), tmp_path, "x"):
        pass


def test_results_that_came_before_the_folder_was_held_stay(tmp_path: Path) -> None:
    """The marker is there without content: another process has ended between a look and the hold."""
    (tmp_path / "result").touch()
    (tmp_path / UNFINISHED).touch()
    with pytest.raises(ConfigError, match="not empty"), fresh_folder(str(tmp_path), tmp_path, "x"):
        pass
    assert [entry.name for entry in tmp_path.iterdir()] == ["result"]


def test_what_could_not_be_cleaned_up_is_cleaned_up_by_the_next_process(tmp_path: Path) -> None:
    path = tmp_path / "out"
    with (
        pytest.MonkeyPatch.context() as patch,
        pytest.raises(OutputError, match="too many files are open"),
        fresh_folder(str(path), tmp_path, "x"),
    ):
        (path / "starter.trec").write_text("half", encoding="utf-8")
        patch.setattr(Path, "iterdir", _refuse)
        raise OSError(errno.EMFILE, "Too many open files")
    assert {entry.name for entry in path.iterdir()} == {UNFINISHED, "starter.trec"}
    with fresh_folder(str(path), tmp_path, "x"):
        assert [entry.name for entry in path.iterdir()] == [UNFINISHED]
    assert list(path.iterdir()) == []


def _refuse(*_: object) -> None:
    raise OSError(errno.EMFILE, "Too many open files")
