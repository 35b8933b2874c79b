"""The files of a mining job, and what they may not take the place of."""

from pathlib import Path

import pytest

from embedtune.workflows.mining.files import files_of, is_same, lost_input


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("결과/../a.jsonl", "--data"),
        ("link.jsonl", "--data"),
        ("a.ledger.jsonl", "--data"),
        ("b.jsonl", None),
        ("samples", None),
        (None, None),
    ],
)
def test_a_file_that_is_read_is_known_by_whatever_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str | None, expected: str | None
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "결과").mkdir()
    (tmp_path / "a.jsonl").touch()
    (tmp_path / "link.jsonl").symlink_to("a.jsonl")
    assert lost_input({"--corpus": None, "--data": name}, files_of("a.jsonl")) == expected


def test_the_same_file_has_many_names(tmp_path: Path) -> None:
    assert is_same(f"{tmp_path}/./a", tmp_path / "a")
    assert not is_same(None, tmp_path)
