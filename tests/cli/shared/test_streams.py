"""Closed, full and abandoned standard streams, as a shell makes them: never a traceback, and the right exit code."""

import json
import os
import shlex
import subprocess
import sys
from itertools import chain, combinations
from pathlib import Path

import pytest

LOSSES, MANY = "losses", "losses --json"
FAILS = "recipes show nothing-of-this-name"
CLOSED = ("<&-", ">&-", "2>&-")
SUBSETS = [" ".join(some) for some in chain.from_iterable(combinations(CLOSED, size) for size in (1, 2, 3))]


def shell(command: str, redirected: str, **environment: str) -> subprocess.CompletedProcess[str]:
    line = f"{shlex.quote(sys.executable)} -m embedtune {command} {redirected}"
    known = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run(
        ["bash", "-c", line], capture_output=True, text=True, check=False, env={**known, **environment}, timeout=120
    )


def in_words(done: subprocess.CompletedProcess[str]) -> bool:
    return not any(word in done.stdout + done.stderr for word in ("Traceback", "Exception", "defect", "bug in"))


@pytest.mark.parametrize("closed", SUBSETS)
@pytest.mark.parametrize(
    ("command", "code"), [(LOSSES, 0), (MANY, 0), ("--help", 0), (FAILS, 2), (f"{FAILS} --json", 2)]
)
def test_closed_streams_change_no_exit_code(command: str, code: int, closed: str) -> None:
    done = shell(command, closed)
    assert done.returncode == code
    assert in_words(done), done.stderr
    if ">&-" in closed.split():
        assert done.stdout == ""
    if "2>&-" in closed.split():
        assert done.stderr == ""


def test_work_is_done_without_any_stream(tmp_path: Path) -> None:
    output = tmp_path / "out"
    done = shell(f"evaluate --model bm25 --output {output}", " ".join(CLOSED))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (output / "report.md").stat().st_size


def test_without_a_stdin_there_are_no_queries() -> None:
    done = shell("search --model bm25 --json --quiet", "<&-")
    assert done.returncode == 0, done.stderr
    assert in_words(done)


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "command", [LOSSES, MANY, "--help", "train --help", "--version", "recipes list", "train --dry-run --quiet"]
)
def test_a_full_stdout_is_one_sentence(command: str, unbuffered: str) -> None:
    done = shell(command, "> /dev/full", PYTHONUNBUFFERED=unbuffered)
    assert (done.returncode, done.stderr) == (1, "error: cannot write to stdout: No space left on device\n")


def test_an_error_that_stdout_has_no_room_for_goes_to_stderr() -> None:
    done = shell(f"{FAILS} --json", "> /dev/full")
    assert done.returncode == 2
    assert done.stderr.startswith("error: ") and "nothing-of-this-name" in done.stderr and in_words(done)


@pytest.mark.parametrize(("command", "code"), [(LOSSES, 0), (FAILS, 2), ("search --model bm25 --quiet a", 0)])
def test_a_full_stderr_changes_no_exit_code(command: str, code: int) -> None:
    done = shell(command, "2> /dev/full")
    assert (done.returncode, done.stderr) == (code, "")
    assert shell(command, "> /dev/full 2> /dev/full").returncode == (code or 1)


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("as_json", ["", "--json"])
def test_a_reader_that_leaves_in_between_is_141(tmp_path: Path, as_json: str, unbuffered: str) -> None:
    rows = [{"anchor": f"question {row}", "positive": f"word{row} " * 60} for row in range(700)]
    data = tmp_path / "pairs.jsonl"
    data.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    command = f"search --model starter --data {data} -k 600 --quiet {as_json} word3"
    done = shell(command, "| head -1 > /dev/null; echo ${PIPESTATUS[@]}", PYTHONUNBUFFERED=unbuffered)
    assert (done.stdout, done.stderr) == ("141 0\n", "")


def test_a_reader_of_stderr_that_left_changes_no_exit_code() -> None:
    done = shell(FAILS, "2>&1 >/dev/null | true; echo ${PIPESTATUS[0]}")
    assert (done.stdout, done.stderr) == ("2\n", "")
