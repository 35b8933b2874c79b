"""However a command ends, it ends in words and with its exit code."""

import errno
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from embedtune import errors
from embedtune.cli.shared.app import build_app
from embedtune.cli.shared.guard import guarded
from embedtune.cli.shared.options import AsJson


def app_that(act: Callable[[], None]) -> typer.Typer:
    app = typer.Typer(pretty_exceptions_enable=False)

    @app.command()
    def command(as_json: AsJson = False) -> None:
        act()

    return app


def raising(error: BaseException) -> Callable[[], None]:
    def act() -> None:
        raise error

    return act


ERRORS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.EmbedtuneError)]


def test_every_kind_of_error_is_tried_below() -> None:
    assert {kind.exit_code for kind in ERRORS} == {1, 2, 3, 4, 130}


@pytest.mark.parametrize("kind", ERRORS)
def test_an_error_of_ours_is_three_lines_and_its_code(
    capsys: pytest.CaptureFixture[str], kind: type[errors.EmbedtuneError]
) -> None:
    error = kind("the text is empty", where="자료.jsonl:3", next="remove the line")
    assert guarded(app_that(raising(error)), []) == kind.exit_code
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "error: the text is empty\nwhere: 자료.jsonl:3\nnext: remove the line\n"


@pytest.mark.parametrize("kind", ERRORS)
def test_the_same_as_json_goes_to_stdout_alone(
    capsys: pytest.CaptureFixture[str], kind: type[errors.EmbedtuneError]
) -> None:
    assert guarded(app_that(raising(kind("비었습니다"))), ["--json"]) == kind.exit_code
    out, err = capsys.readouterr()
    assert json.loads(out) == {"error": {"code": kind.code, "message": "비었습니다", "where": None, "next": None}}
    assert err == ""


def test_control_characters_of_user_text_do_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    guarded(app_that(raising(errors.DataError("row '\x1b[2J\x07' \u202egnp", where="a\x9bb"))), [])
    err = capsys.readouterr().err
    assert not set(err) & {"\x1b", "\x07", "\x9b", "\u202e"}
    assert "\\x1b[2J\\x07" in err


@pytest.mark.parametrize("interruption", [KeyboardInterrupt(), typer.Abort()])
def test_interruption(capsys: pytest.CaptureFixture[str], interruption: BaseException) -> None:
    assert guarded(app_that(raising(interruption)), []) == 130
    assert capsys.readouterr().err == "error: interrupted\n"


def test_sigterm_is_an_interruption_and_means_afterwards_what_it_did_before(capsys: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(signal.SIGTERM)
    assert guarded(app_that(lambda: signal.raise_signal(signal.SIGTERM)), []) == 130
    assert capsys.readouterr().err == "error: interrupted\n"
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_clean_up_that_ctrl_c_cuts_off_is_an_interruption(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> None:
        try:
            raise KeyboardInterrupt
        finally:
            raise OSError(9, "Bad file descriptor")

    assert guarded(app_that(work), []) == 130
    assert capsys.readouterr().err == "error: interrupted\n"


def test_an_exit_code_of_a_command_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(app_that(raising(typer.Exit(3))), []) == 3
    assert guarded(app_that(raising(SystemExit(4))), []) == 4
    assert guarded(app_that(raising(SystemExit("words"))), []) == 1
    assert guarded(app_that(lambda: None), []) == 0
    assert capsys.readouterr() == ("", "")


def test_what_nobody_foresaw_is_a_sentence_and_a_file(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert guarded(app_that(raising(ZeroDivisionError("first line\nsecond \x1b[31mline"))), []) == 1
    err = capsys.readouterr().err
    [path] = tmp_path.iterdir()
    assert err.splitlines() == [
        "error: unexpected error (a bug in embedtune): ZeroDivisionError: first line second \\x1b[31mline",
        f"where: full traceback in {path}",
        "next: please report it with that file",
    ]
    assert "Traceback (most recent call last)" in path.read_text(encoding="utf-8")


def test_a_full_temp_folder_does_not_hide_the_sentence(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    assert guarded(app_that(raising(ZeroDivisionError("oh"))), ["--json"]) == 1
    error = json.loads(capsys.readouterr().out)["error"]
    assert (error["code"], error["where"]) == ("defect", None)
    assert "ZeroDivisionError: oh" in error["message"]


def test_an_option_without_its_value_is_blamed_on_its_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(build_app(), ["train", "--guide"]) == 2
    said = capsys.readouterr().err
    assert "where: embedtune train\n" in said and "next: see `embedtune train --help`" in said


def test_a_path_of_nobody_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(app_that(lambda: print(Path("~nobody-of-this-name/x").expanduser())), []) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: a path begins with ~") and "next: write the path in full" in err


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.EROFS, errno.EDQUOT, errno.EFBIG, errno.EMFILE])
def test_a_failing_machine_is_not_a_bug(capsys: pytest.CaptureFixture[str], number: int) -> None:
    assert guarded(app_that(raising(OSError(number, os.strerror(number), "a/b"))), ["--json"]) == 1
    error = json.loads(capsys.readouterr().out)["error"]
    assert (error["code"], error["where"]) == ("machine", "a/b")
    assert error["message"] == errors.machine_fault(OSError(number, "")).message and error["next"]


def test_no_permission_is_not_a_bug(capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(app_that(raising(PermissionError(errno.EACCES, "Permission denied", "a/b"))), []) == 1
    assert capsys.readouterr().err == "error: no permission for this\nwhere: a/b\nnext: check its permissions\n"
