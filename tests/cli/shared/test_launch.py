"""`train --devices N`: the exit code of the command from those of its processes, and who reports a failure."""

import logging
import os
import signal
from pathlib import Path

import pytest
from torch.distributed.elastic.multiprocessing import SignalException

from embedtune import processes
from embedtune.cli.shared.app import build_app
from embedtune.cli.shared.guard import guarded
from embedtune.cli.shared.launch import exit_code
from embedtune.errors import StoppedError
from embedtune.processes import Process, settle_who_speaks, speaks


def test_a_verdict_that_all_have_is_the_command_s():
    assert exit_code({0: 3, 1: 3}, spoken=False) == 3


def test_processes_that_could_say_nothing_are_spoken_for():
    with pytest.raises(StoppedError, match=r"all processes of this run were killed \(SIGKILL\)") as caught:
        exit_code({0: -9, 1: -9}, spoken=False)
    assert "--resume" in caught.value.next


@pytest.mark.parametrize(("spoken", "lines"), [(True, 0), (False, 1)])
def test_an_interruption_is_reported_once(monkeypatch, capfd, spoken, lines):
    def interrupted(config, program):
        def start(*words):
            if spoken:
                Path(os.environ[processes.SPOKEN]).touch()
            raise SignalException("a signal", signal.SIGINT)

        return start

    monkeypatch.setattr("torch.distributed.launcher.api.elastic_launch", interrupted)
    monkeypatch.setattr("sys.argv", ["embedtune", "train", "--devices", "2"])
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    assert guarded(build_app(), ["train", "--devices", "2"]) == 130
    assert capfd.readouterr().err.count("interrupted") == lines
    assert logging.root.manager.disable == logging.NOTSET


@pytest.fixture
def process(monkeypatch):
    """A function that makes this one of two processes."""
    monkeypatch.setattr(processes, "TURN_S", 0)
    monkeypatch.setattr(processes, "_claims", [])

    def become(rank: int) -> None:
        monkeypatch.setattr(processes, "this_process", lambda: Process(rank, 2, rank, 2))

    return become


def test_before_they_have_met_the_first_speaks(process):
    process(0)
    assert speaks()
    process(1)
    assert not speaks()


def test_one_of_them_speaks_once_they_have_met_and_the_launcher_knows(process, monkeypatch, tmp_path):
    monkeypatch.setenv(processes.SPOKEN, str(tmp_path / "spoken"))
    asked = []
    settle_who_speaks(lambda: not asked and not asked.append(1))
    process(1)
    assert speaks()
    assert (tmp_path / "spoken").exists()
    process(0)
    assert not speaks(knows_why=False)


def test_where_the_first_is_gone_the_second_speaks(process):
    def gone() -> bool:
        raise RuntimeError("store is gone")

    settle_who_speaks(gone)
    process(1)
    assert speaks(knows_why=False)
