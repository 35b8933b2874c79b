"""What is refused before a command begins: an option with one value given twice, and a current folder that is gone."""

import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from embedtune.cli.shared.app import build_app
from embedtune.cli.shared.guard import guarded


def commands(group: Any = None, *names: str) -> list[tuple[tuple[str, ...], Any]]:
    found = []
    for name, command in (group or get_command(build_app())).commands.items():
        inner = getattr(command, "commands", None)
        found += commands(command, *names, name) if inner else [((*names, name), command)]
    return found


OPTIONS = [
    (names, max(one.opts, key=len))
    for names, command in commands()
    for one in command.params
    if one.param_type_name == "option" and not one.is_flag and not one.multiple
]


@pytest.mark.parametrize(("names", "option"), OPTIONS)
def test_an_option_with_one_value_is_given_once(
    names: tuple[str, ...], option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert guarded(build_app(), [*names, option, "one", f"{option}=two"]) == 2
    assert f"{option} is given twice, with 'one' and 'two'; it takes one value" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("check --data a.jsonl --data a.jsonl", "--data is given twice, with 'a.jsonl' and 'a.jsonl'"),
        ("search -k 3 question --top 4", "--top is given twice, with '3' and '4'"),
        ("train --seed 1 --seed 2 --seed 1", "--seed is given three times, with '1', '2' and '1'"),
        ("train --split -- --split b", "--split is given twice, with '--' and 'b'"),
        ("compare a b --split dev --metric mrr@10 --split test", "--split is given twice, with 'dev' and 'test'"),
    ],
)
def test_every_value_is_named(command: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(build_app(), shlex.split(command)) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "command",
    [
        "train --loss gist --loss sigreg:0.1 --quiet --quiet --dry-run",
        "evaluate --model bm25 --model starter --dry-run",
        "check --data a --data b --help",
        "train --data samples --dry-run -- --data",
    ],
)
def test_lists_switches_and_help_are_not_refused(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    guarded(build_app(), shlex.split(command))
    assert "given twice" not in capsys.readouterr().err


def test_a_current_folder_that_is_gone_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    for command in (["check"], ["recipes", "list"], ["losses"]):
        assert guarded(build_app(), command) == 2
        assert "the current folder is gone" in capsys.readouterr().err
    assert guarded(build_app(), ["train", "--help"]) == 0
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("columns", ["1", "0", "-3", "wide"])
def test_help_and_lists_can_be_printed_however_narrow_the_terminal_says_it_is(
    columns: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    for command in (["losses"], ["recipes", "list"], ["train", "--help"], ["data", "--help"], ["--help"]):
        assert guarded(build_app(), command) == 0, capsys.readouterr().err
    assert max(map(len, capsys.readouterr().out.splitlines())) < 200
