"""The saved model is read back by another process, or here where none can be had, and a difference ends the run."""

import errno
import subprocess
import sys

import numpy as np
import pytest

from embedtune.config.sections.encoder import EncoderSection
from embedtune.errors import ModelError, machine_fault
from embedtune.models.encode.encode import encode
from embedtune.models.files.load import load_encoder
from embedtune.models.files.save import save_encoder
from embedtune.workflows.train import saved_check
from embedtune.workflows.train.saved_check import check_saved, reader

# As it is before the fixture of all tests takes the second process away.
START = saved_check._start


def process(code: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", f"import sys; sys.stdin.read(); {code}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


@pytest.fixture
def checked(starter, texts, tmp_path):
    """Checks a saved starter, with the vectors in memory moved by so much."""
    save_encoder(starter, tmp_path / "모델")
    given = lambda texts, role: encode(starter, texts, role=role)  # noqa: E731

    def check(process, *, moved: float = 0.0, here=given):
        measured = lambda texts, role: given(texts, role) + np.float32(moved)  # noqa: E731
        return check_saved(tmp_path / "모델", texts, measured, here, process=process, device="cpu")

    return check


def test_a_fresh_process_reads_the_model(bert_folder, texts, tmp_path, monkeypatch):
    """Whatever lies in the folder one is in: a json.py of the user's is none of its business."""
    monkeypatch.setattr(saved_check, "_start", START)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "json.py").write_text("raise SystemExit('not this one')", encoding="utf-8")
    bert = load_encoder(EncoderSection(name=str(bert_folder), prompts={"query": "질문: "}), device="cpu")
    save_encoder(bert, tmp_path / "model")
    never = lambda texts, role: pytest.fail("read in this process")  # noqa: E731
    with reader() as other:
        ours = lambda texts, role: encode(bert, texts, role=role)  # noqa: E731
        assert check_saved(tmp_path / "model", texts, ours, never, process=other, device="cpu") is None
    assert other.poll() == 0


def test_where_there_is_no_process_it_is_read_here_and_said(checked):
    assert checked(None) == "no other process could be started"
    with reader(wanted=False) as nobody:
        assert nobody is None


@pytest.mark.parametrize(
    ("code", "words"), [("sys.exit('no room')", "no room"), ("sys.exit(9)", "9"), ("pass", "0"), ("1/0", "division")]
)
def test_a_process_that_fails_is_said_and_replaced(checked, code, words):
    reason = checked(process(code))
    assert "the other process failed" in reason and words in reason


def test_a_process_that_went_away_is_replaced(checked):
    gone = process("pass")
    gone.kill()
    gone.wait()
    assert "other process" in checked(gone)


@pytest.mark.parametrize("moved", [2e-5, np.nan])
def test_other_vectors_are_no_result(checked, moved):
    with pytest.raises(ModelError, match="the saved model is not the trained one: query vectors differ"):
        checked(None, moved=moved)
    checked(None, moved=1e-6)


def test_a_model_that_a_fresh_process_cannot_load_is_no_result(checked):
    code = f"sys.stderr.write('no such module'); sys.stderr.flush(); sys.exit({saved_check.REFUSED})"
    with pytest.raises(ModelError, match="a fresh process cannot load the saved model: no such module"):
        checked(process(code))


def test_an_interpreter_that_is_not_there_starts_nothing(monkeypatch):
    for executable in ("/nowhere/python", "", None):
        monkeypatch.setattr(sys, "executable", executable)
        assert START() is None


def test_a_failing_disk_is_not_our_bug(checked):
    code = f"sys.stderr.write('[Errno 5] Input/output error'); sys.stderr.flush(); sys.exit({saved_check.REFUSED})"
    with pytest.raises(ModelError) as caught:
        checked(process(code))
    assert machine_fault(caught.value) is not None and "bug" not in caught.value.next


def test_without_room_for_temporary_files_it_is_read_here(checked, monkeypatch):
    def full(**_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(saved_check.tempfile, "TemporaryDirectory", full)
    other = process("pass")
    assert "could not be asked (OSError: [Errno 28] No space left" in checked(other)
    other.communicate()
