"""One fault of each kind, spread over the commands, and a few failing calls; `benchmarks/faults.py` causes them all."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from faults.calls import library
from faults.harness import Bench
from faults.jobs import JOBS
from faults.kinds import FAULTS, suffer

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="forks a process that has loaded everything"),
]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("faults"))


def may_mount(folder: Path) -> bool:
    """Whether this user may put a small disk there."""
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True)
    return mounted.returncode == 0 and subprocess.run(["umount", str(folder)]).returncode == 0


@pytest.mark.parametrize(("number", "kind"), list(enumerate(FAULTS)))
def test_nothing_is_lost_and_nothing_is_wrong(bench: Bench, tmp_path: Path, number: int, kind: str) -> None:
    if kind == "full disk" and (os.getuid() != 0 or not may_mount(tmp_path)):
        pytest.skip("needs the right to mount a small disk")
    outcome = suffer(bench, kind, JOBS[number % len(JOBS)], seed=0)
    assert not outcome.complaints, outcome


def test_failing_calls(tmp_path: Path) -> None:
    if library(tmp_path) is None:
        pytest.skip("needs a C compiler")
    program = Path(__file__).parents[2] / "benchmarks" / "faults.py"
    log = tmp_path / "calls.jsonl"
    done = subprocess.run(
        [sys.executable, program, "--every", log, "--part", "5/19", "--job", "check"], capture_output=True
    )
    assert done.returncode == 0, done.stderr.decode()
    outcomes = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert len({outcome["kind"] for outcome in outcomes}) > 3
    assert [outcome for outcome in outcomes if outcome["complaints"]] == []
    assert any(outcome["codes"][0] > 0 for outcome in outcomes)
