"""Folders for results: new, never mixed with other files, and gone when nothing came of them."""

from pathlib import Path

import pytest

from embedtune.errors import ConfigError, OutputError
from embedtune.workflows.output_folder import fresh_folder


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
        (path / "inner").mkdir()
        (path / "inner" / "file").write_text("x")
        (path / "file").write_text("x")
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
    with pytest.raises(OutputError, match="cannot be written"), fresh_folder(str(tmp_path / "file"), tmp_path, "x"):
        pass
    assert (tmp_path / "file").read_text() == "x"
