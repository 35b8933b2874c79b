"""Control groups of versions 1 and 2, as files in a folder and as containers present them."""

import os
from pathlib import Path

import psutil
import pytest

from embedtune import cgroup


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(cgroup, "MEMBERSHIP", tmp_path / "membership")
    monkeypatch.setattr(cgroup, "MOUNT", tmp_path / "mount")
    return tmp_path


def write(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


def test_nothing_is_limited_where_there_are_no_groups(groups: Path) -> None:
    assert (cgroup.cpu_quota(), cgroup.memory_limit(), cgroup.memory_left(groups)) == (None, None, None)
    assert 1 <= cgroup.usable_cpus() <= (os.cpu_count() or 1)


def test_the_least_of_a_group_and_those_around_it_counts(groups: Path) -> None:
    write(groups, membership="0::/outer/inner\n")
    write(groups / "mount/outer", cpu__max="150000 100000\n", memory__max="1000\n")
    write(groups / "mount/outer/inner", cpu__max="max 100000\n", memory__max="5000\n")
    assert (cgroup.cpu_quota(), cgroup.memory_limit()) == (1.5, 1000)


def test_version_one_and_its_sign_for_no_limit(groups: Path) -> None:
    write(groups, membership="5:cpu,cpuacct:/a\n4:memory:/a\n0::/\n")
    write(groups / "mount/cpu,cpuacct/a", cpu__cfs_quota_us="50000\n", cpu__cfs_period_us="100000\n")
    write(groups / "mount/memory/a", memory__limit_in_bytes="9223372036854771712\n")
    assert (cgroup.cpu_quota(), cgroup.memory_limit()) == (0.5, None)
    write(groups / "mount/cpu,cpuacct/a", cpu__cfs_quota_us="-1\n")
    assert cgroup.cpu_quota() is None


def test_controllers_mounted_in_another_order_than_told(groups: Path) -> None:
    write(groups, membership="4:cpuacct,cpu:/\n")
    write(groups / "mount/cpu", cpu__cfs_quota_us="50000\n", cpu__cfs_period_us="100000\n")
    assert cgroup.cpu_quota() == 0.5


def test_a_path_of_the_host_means_the_root_that_is_here(groups: Path) -> None:
    write(groups, membership="0::/docker/0123\n")
    write(groups / "mount", cpu__max="200000 100000\n")
    assert cgroup.cpu_quota() == 2


def test_files_that_can_be_dropped_are_not_used_memory(groups: Path) -> None:
    write(groups, membership="0::/\n")
    write(groups / "mount", memory__max="1000", memory__current="700", memory__stat="anon 100\ninactive_file 200\n")
    assert cgroup.free_memory() == 500
    write(groups / "mount", memory__stat="inactive_file 200\ntotal_inactive_file 300\n")  # version 1
    assert cgroup.free_memory() == 600


def test_the_group_with_the_least_left_counts(groups: Path) -> None:
    write(groups, membership="0::/inner\n")
    write(groups / "mount", memory__max="5000", memory__current="4900")
    write(groups / "mount/inner", memory__max="1000", memory__current="100")
    assert cgroup.free_memory() == 100


def test_memory_that_nobody_tells_of(groups: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_proc() -> None:
        raise FileNotFoundError("/proc/meminfo")

    assert cgroup.free_memory() > 0
    monkeypatch.setattr(psutil, "virtual_memory", no_proc)
    assert cgroup.free_memory() is None


def test_a_share_below_one_processor_is_still_one(groups: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(groups, membership="0::/\n")
    write(groups / "mount", cpu__max="10000 100000")
    assert cgroup.usable_cpus() == 1
    write(groups / "mount", cpu__max="900000 100000")
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2}, raising=False)
    assert cgroup.usable_cpus() == 3


@pytest.mark.parametrize("damaged", ["", "a b", "0 0", "1"])
def test_a_file_that_says_something_else_limits_nothing(groups: Path, damaged: str) -> None:
    write(groups, membership=f"0::/\n{damaged}\n")
    write(groups / "mount", cpu__max=damaged, memory__max=damaged or "max")
    assert cgroup.cpu_quota() is None
