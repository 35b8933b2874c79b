"""`embedtune doctor`, here and where the machine tells nothing and lets nothing be written."""

import json
from pathlib import Path

import psutil
import pytest

from embedtune import cgroup
from embedtune.cli.shared.app import build_app
from embedtune.cli.shared.guard import guarded
from embedtune.workflows.doctor import devices, findings

KEYS = {
    "system", "versions", "processor", "devices", "torch", "threads", "settings", "memory", "places", "store", "hub",
    "findings", "verdict",
}  # fmt: skip


@pytest.fixture
def told_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No /proc, no control groups, a home that cannot be written, no disks to ask."""

    def refuse(*_: object) -> object:
        raise OSError("no such thing here")

    monkeypatch.setattr(devices, "CPUINFO", tmp_path / "nothing")
    monkeypatch.setattr(cgroup, "MEMBERSHIP", tmp_path / "nothing")
    monkeypatch.setattr(psutil, "virtual_memory", refuse)
    monkeypatch.setattr("shutil.disk_usage", refuse)
    monkeypatch.setattr("os.getloadavg", refuse)
    monkeypatch.setattr("os.sched_getaffinity", refuse, raising=False)
    monkeypatch.setattr("os.access", lambda *_: False)


def asked(capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, dict]:
    code = guarded(build_app(), ["doctor", "--quick", "--json", *options])
    return code, json.loads(capsys.readouterr().out)


def test_the_keys_stay(capsys: pytest.CaptureFixture[str], products: str) -> None:
    code, said = asked(capsys)
    assert said["devices"][-1]["precision"] == products
    assert (code, set(said)) == (0, KEYS)
    assert {"torch", "faiss_cpu"} <= {pool["of"] for pool in said["threads"]}


def test_measures_unless_it_is_quick(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "measured_speed", lambda device, chosen: ({"fp32": 7.2e10}, 8e9))
    assert guarded(build_app(), ["doctor"]) == 0
    out = capsys.readouterr().out
    assert "72 GFLOP/s in fp32" in out
    assert "memory 8.0 GB/s" in out
    assert guarded(build_app(), ["doctor", "--quick"]) == 0
    assert "GFLOP/s" not in capsys.readouterr().out


@pytest.mark.usefixtures("told_nothing")
def test_works_where_the_machine_tells_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    code, said = asked(capsys)
    assert code == 0
    assert said["memory"] == {"total_bytes": None, "limit_bytes": None, "available_bytes": None}
    assert {finding["code"] for finding in said["findings"]} >= {"not-writable"}
    assert guarded(build_app(), ["doctor", "--quick"]) == 0
    out = capsys.readouterr().out
    assert "unknown free of unknown" in out
    assert "not writable" in out


def test_a_guard_that_holds_is_exit_code_3(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(findings, "system_load", lambda: 1e6)
    assert asked(capsys, "--fail-on", "note")[0] == 3
    assert asked(capsys, "--fail-on", "error")[0] == 0


def test_an_unknown_severity_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert asked(capsys, "--fail-on", "warnings")[0] == 2


@pytest.mark.usefixtures("told_nothing")
def test_a_folder_cannot_act_on_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/\x1b[31m한국어")
    assert guarded(build_app(), ["doctor", "--quick"]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "한국어" in out
