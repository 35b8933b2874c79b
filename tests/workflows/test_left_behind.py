"""kill -9 while an output is written: the same command again takes the half file away and writes the whole one."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from embedtune.durable import UNFINISHED
from embedtune.models.files.starter import build_starter

COMMANDS = {
    "encode": ["encode", "--model", "m", "--data", "d.jsonl", "--column", "anchor", "--output", "x.parquet"],
    "check": ["check", "--data", "d.jsonl", "--fix", "x.jsonl"],
    "preferences": ["data", "preferences", "clicks.jsonl", "--output", "x.jsonl"],
    "mine": ["mine", "--data", "d.jsonl", "--output", "x.jsonl", "--store", "none", "--range", "0:3"],
}
DRIVER = """
import os, signal, sys
name, real = sys.argv[1], os.replace
def dies(source, target):
    if os.path.basename(target) == name and os.path.dirname(os.path.abspath(target)) == os.getcwd():
        os.kill(os.getpid(), signal.SIGKILL)
    real(source, target)
os.replace = dies
from embedtune.cli.shared.app import build_app
from embedtune.cli.shared.guard import guarded
sys.exit(guarded(build_app(), sys.argv[2:]))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no such signal there")
@pytest.mark.parametrize("verb", list(COMMANDS))
def test_a_killed_writer_leaves_nothing_for_good(tmp_path: Path, verb: str) -> None:
    rows = [{"anchor": f"question {i} of {i % 3}", "positive": f"answer {i}"} for i in range(12)]
    (tmp_path / "d.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows) + "{broken\n" * (verb == "check"))
    click = {"anchor": "q", "shown": ["a", "b"], "clicked": 1}
    (tmp_path / "clicks.jsonl").write_text(json.dumps(click) + "\n")
    build_starter(["a text", "another text"], seed=0).save(str(tmp_path / "m"))
    command = COMMANDS[verb]
    output = next(word for word in command if word.startswith("x."))

    def run(dies_at: str) -> int:
        script = [sys.executable, "-c", DRIVER, dies_at, *command, "--quiet"]
        return subprocess.run(script, cwd=tmp_path, capture_output=True, check=False).returncode

    assert run(output) == -signal.SIGKILL
    assert list(tmp_path.glob(f".*{UNFINISHED}"))
    assert not (tmp_path / output).exists()
    assert run("") == 0
    assert (tmp_path / output).stat().st_size
    left = [path.name for path in tmp_path.iterdir() if path.name.startswith(".") or path.suffix == ".job"]
    assert left == [f".{output}.embedtune"]
