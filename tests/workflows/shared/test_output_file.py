"""A file for results, refused where something would be lost."""

from pathlib import Path

import pytest

from embedtune.errors import ConfigError, OutputError
from embedtune.workflows.shared.output_file import demand_own_files


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "결과").mkdir()
    (tmp_path / "a.jsonl").touch()
    (tmp_path / "link.jsonl").symlink_to("a.jsonl")
    return tmp_path


@pytest.mark.parametrize("name", ["a.jsonl", "결과/../a.jsonl", "link.jsonl", "second.html"])
def test_what_is_read_is_known_by_whatever_path(here: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="would overwrite the file of --data") as refused:
        demand_own_files([Path("a.jsonl"), Path("second.html")], {"--corpus": None, "--data": name})
    assert refused.value.where == "--output a.jsonl"


def test_other_names_are_let_through(here: Path) -> None:
    demand_own_files([Path("a.jsonl"), Path("new/b.jsonl")], {"--corpus": None, "--data": "samples", "--relabel": "b"})


@pytest.mark.parametrize(("name", "words"), [("결과", "a folder"), ("글" * 100, "too long")])
def test_what_can_be_no_file_is_refused(here: Path, name: str, words: str) -> None:
    with pytest.raises(OutputError, match=words):
        demand_own_files([Path(name)], {})
