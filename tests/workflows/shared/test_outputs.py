"""Files for results: never one that is read, and an existing one only if it is ours."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from embedtune.durable import UNFINISHED
from embedtune.errors import ConfigError, OutputError
from embedtune.workflows.shared.outputs import Outputs


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "결과").mkdir()
    (tmp_path / "a.jsonl").touch()
    (tmp_path / "link.jsonl").symlink_to("a.jsonl")
    (tmp_path / "hard.jsonl").hardlink_to("a.jsonl")
    return tmp_path


@pytest.mark.parametrize("name", ["a.jsonl", "결과/../a.jsonl", "link.jsonl", "hard.jsonl"])
def test_what_is_read_is_known_by_whatever_path(here: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="this would overwrite the file of --data") as refused:
        Outputs([Path("a.jsonl"), Path("second.html")]).demand_apart([("--corpus", None), ("--data", name)])
    assert refused.value.where == "--output a.jsonl"


def test_a_second_file_counts_as_well(here: Path) -> None:
    with pytest.raises(ConfigError, match=r"link\.jsonl, which is written as well, would overwrite the file of LOG"):
        Outputs([Path("new.jsonl"), Path("link.jsonl")]).demand_apart([("LOG", "a.jsonl")])


def test_other_names_are_let_through(here: Path) -> None:
    read = [("--corpus", None), ("--data", "samples"), ("--relabel", "b"), ("--model", "a/b"), ("--eval-data", "hf:a")]
    Outputs([Path("a.jsonl"), Path("new/b.jsonl")], [Path("a.jsonl.job")]).demand_apart(read)
    Outputs([Path("a.jsonl")]).demand_apart([("--data", "\0"), ("--data", "글" * 200), ("--model", "~nobody/x")])


@pytest.mark.parametrize(("name", "words"), [("결과", "a folder"), ("글" * 100, "too long")])
def test_what_can_be_no_file_is_refused(here: Path, name: str, words: str) -> None:
    with pytest.raises(OutputError, match=words):
        Outputs([Path(name)]).demand_files()


def put(outputs: Outputs, text: str) -> None:
    for path in outputs.files:
        with outputs.writing(path) as staged:
            assert staged.name == path.name
            staged.write_text(text, encoding="utf-8")


def test_only_what_is_ours_and_unchanged_is_replaced(here: Path) -> None:
    outputs = Outputs([here / "결과" / "x.jsonl", here / "결과" / "x.md"])
    outputs.demand_own()
    put(outputs, "one")
    put(outputs, "two")
    outputs.demand_own()
    assert sorted(path.name for path in (here / "결과").iterdir()) == [".x.jsonl.embedtune", "x.jsonl", "x.md"]
    outputs.files[1].write_text("edited", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"x\.md already exists, and it has changed since embedtune wrote it") as no:
        outputs.demand_own()
    assert "--force" in str(no.value.next)
    outputs.demand_own(force=True)
    outputs.demand_own(but=[outputs.files[1]])


@pytest.mark.parametrize("name", ["a.jsonl", "link.jsonl", "dangling.jsonl"])
def test_what_others_wrote_is_not_replaced(here: Path, name: str) -> None:
    (here / "dangling.jsonl").symlink_to("nothing")
    with pytest.raises(ConfigError, match="already exists, and embedtune did not write it"):
        Outputs([Path(name)]).demand_own()


def test_a_damaged_record_makes_nothing_ours(here: Path) -> None:
    outputs = Outputs([here / "x.jsonl"])
    put(outputs, "one")
    (here / ".x.jsonl.embedtune").write_text("{}", encoding="utf-8")
    with pytest.raises(ConfigError, match="already exists"):
        outputs.demand_own()


@pytest.mark.skipif(sys.platform == "win32", reason="no such signal there")
@pytest.mark.parametrize("renames", [1, 2, 3, 4])
def test_a_kill_around_any_rename_leaves_a_file_that_is_ours(here: Path, renames: int) -> None:
    """Renames of the record and of the file, before and after each."""
    script = (
        "import os, signal, sys; from pathlib import Path\n"
        "from embedtune.workflows.shared.outputs import Outputs\n"
        "real, calls, die = os.replace, [0], int(sys.argv[1])\n"
        "def counted(*args):\n"
        "    calls[0] += 1\n"
        "    if calls[0] * 2 - 1 == die: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    real(*args)\n"
        "    if calls[0] * 2 == die: os.kill(os.getpid(), signal.SIGKILL)\n"
        "os.replace = counted\n"
        "with Outputs([Path('x.jsonl')]).writing(Path('x.jsonl')) as staged: staged.write_text('new')\n"
    )
    outputs = Outputs([here / "x.jsonl"])
    put(outputs, "old")
    done = subprocess.run([sys.executable, "-c", script, str(renames)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert outputs.files[0].read_text() == ("new" if renames == 4 else "old")
    outputs.demand_own()
    with outputs.alone():
        outputs.remove_unfinished()
    assert not list(here.glob(f".*{UNFINISHED}"))


def test_a_failure_leaves_the_old_file_and_nothing_else(here: Path) -> None:
    outputs = Outputs([here / "결과" / "x.jsonl"])
    put(outputs, "old")
    with pytest.raises(OutputError, match="cannot be written") as told, outputs.writing(outputs.files[0]) as staged:
        staged.write_text("new", encoding="utf-8")
        raise OutputError("cannot be written: no room", where=str(staged))
    assert told.value.where == str(outputs.files[0])
    assert outputs.files[0].read_text() == "old"
    assert sorted(path.name for path in (here / "결과").iterdir()) == [".x.jsonl.embedtune", "x.jsonl"]
