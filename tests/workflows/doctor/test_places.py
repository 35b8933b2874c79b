"""Memory and folders, where the machine says little or nothing."""

from pathlib import Path

import psutil
import pytest

from embedtune import cgroup
from embedtune.models.encode.store import SUFFIX
from embedtune.workflows.doctor import places


def test_a_container_may_have_less_than_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "memory_limit", lambda: 1000)
    monkeypatch.setattr(places, "free_memory", lambda: 600)
    found = places.memory()
    assert (found.limit_bytes, found.available_bytes) == (1000, 600)
    assert found.total_bytes == psutil.virtual_memory().total


def test_a_machine_without_proc_says_nothing_of_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_proc() -> object:
        raise FileNotFoundError("/proc/meminfo")

    monkeypatch.setattr(psutil, "virtual_memory", no_proc)
    monkeypatch.setattr(cgroup, "MEMBERSHIP", tmp_path / "none")
    assert places.memory() == places.Memory(None, None, None)


def test_a_folder_that_is_not_there_yet_is_judged_by_the_one_above(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "없는" / "곳"))
    monkeypatch.setattr(places.os, "access", lambda folder, mode: Path(folder) != tmp_path)
    vectors = {place.use: place for place in places.places()}["vectors"]
    assert vectors.folder == str(tmp_path / "없는" / "곳" / "embedtune" / "vectors")
    assert vectors.free_bytes is not None
    assert not vectors.writable


def test_the_store_counts_its_segments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert places.store().size_bytes == 0
    for encoder, size in (("a", 10), ("b", 7)):
        folder = tmp_path / "embedtune" / "vectors" / encoder
        folder.mkdir(parents=True)
        (folder / f"1{SUFFIX}").write_bytes(bytes(size))
        (folder / "else").write_bytes(bytes(99))
    assert places.store().size_bytes == 17


def test_the_variable_that_forbids_the_network_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in places.OFFLINE_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    assert (places.hub().offline, places.hub().said) == (False, ())
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert (places.hub().offline, places.hub().said) == (True, ("HF_HUB_OFFLINE=1",))
