"""What is set before torch loads: the user's choices win, and importing the library sets nothing."""

import gc
import os
import subprocess
import sys
import time

import psutil
import pytest

from embedtune import runtime

OURS = (*runtime.WAITING, *runtime.THREADS, *runtime.ALLOCATORS)


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Nothing settled yet, none of the variables set, and no allocator touched."""
    monkeypatch.setattr(os, "environ", {name: value for name, value in os.environ.items() if name not in OURS})
    monkeypatch.setattr(runtime, "_settled", [])
    monkeypatch.setattr(runtime, "_keep_memory", lambda: True)
    monkeypatch.setattr(runtime, "cpu_quota", lambda: None)
    return monkeypatch


def found() -> dict[str, runtime.Setting]:
    runtime.settle()
    return {one.name: one for one in runtime.settled()}


def test_waiting_threads_sleep_soon(bare: pytest.MonkeyPatch) -> None:
    assert found()["waiting threads"].source == "embedtune"
    assert os.environ["GOMP_SPINCOUNT"] == runtime.SPINS


@pytest.mark.parametrize("name", OURS)
def test_what_the_user_set_stays(bare: pytest.MonkeyPatch, name: str) -> None:
    os.environ[name] = "7"
    chosen = [one for one in found().values() if one.source == "environment"]
    assert [one.value for one in chosen] == [f"{name}=7"]
    assert os.environ[name] == "7"
    assert ("GOMP_SPINCOUNT" in os.environ) == (name == "GOMP_SPINCOUNT" or name not in runtime.WAITING)


def test_a_share_of_the_processors_sets_the_threads(bare: pytest.MonkeyPatch) -> None:
    bare.setattr(runtime, "cpu_quota", lambda: 1.5)
    bare.setattr(runtime, "usable_cpus", lambda: 1)
    bare.setattr(os, "cpu_count", lambda: 8)
    assert (found()["threads"].source, os.environ["OMP_NUM_THREADS"]) == ("embedtune", "1")


def test_without_such_a_share_torch_chooses(bare: pytest.MonkeyPatch) -> None:
    assert found()["threads"].source == "default"
    assert "OMP_NUM_THREADS" not in os.environ


def test_another_allocator_is_left_alone(bare: pytest.MonkeyPatch) -> None:
    bare.setattr(runtime, "_keep_memory", lambda: False)
    assert found()["allocator"].source == "default"


def test_settles_once(bare: pytest.MonkeyPatch) -> None:
    runtime.settle()
    before = runtime.settled()
    os.environ["GOMP_SPINCOUNT"] = "ACTIVE"
    runtime.settle()
    assert runtime.settled() is not before and runtime.settled() == before


def test_the_library_settles_nothing_and_the_command_before_torch() -> None:
    code = """
import os, sys
import embedtune, embedtune.losses, embedtune.runtime as runtime
assert runtime.settled() == () and "GOMP_SPINCOUNT" not in os.environ
from embedtune.cli.shared.app import main
try:
    main(["--version"])
finally:
    print(len(runtime.settled()), os.environ["GOMP_SPINCOUNT"])
"""
    surroundings = {name: value for name, value in os.environ.items() if name not in OURS}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=surroundings, check=True)
    assert done.stdout.splitlines()[-1] == f"3 {runtime.SPINS}"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory in use is read from /proc")
def test_memory_of_work_that_is_over_is_given_back() -> None:
    program = """
import re, sys
from embedtune.runtime import give_back, settle

def used():  # MiB; what a machine short of memory has swapped out is still in use
    status = open("/proc/self/status").read()
    return sum(int(re.search(name + r":\\s+(\\d+)", status)[1]) for name in ("VmRSS", "VmSwap")) // 1024

if "settled" in sys.argv:
    settle()
arrays = [bytearray(b"x") * 2**21 for _ in range(100)]  # 200 MiB
last = bytearray(b"x") * 2**20  # what is free lies below it, so the heap cannot shrink by itself
del arrays
before = used()
give_back()
print(before - used())
"""
    environment = {name: value for name, value in os.environ.items() if name not in OURS}

    def given_back(*words: str) -> int:
        done = subprocess.run(
            [sys.executable, "-c", program, *words], env=environment, capture_output=True, text=True, check=True
        )
        return int(done.stdout)

    assert given_back("settled") > 150
    assert given_back() < 20  # those who import the library keep their own allocator; others may touch a few pages


def test_what_loads_is_never_looked_through_for_garbage(bare: pytest.MonkeyPatch) -> None:
    runtime.settle()
    made: list[list[int]] = []
    try:
        with runtime.loading():
            with runtime.loading():
                made.append([])
            inside = gc.isenabled()
        assert (inside, gc.isenabled()) == (False, True)
        assert not any(one is made[0] for one in gc.get_objects())
    finally:
        gc.unfreeze()


def test_what_fails_to_load_leaves_the_collector_on(bare: pytest.MonkeyPatch) -> None:
    runtime.settle()
    with pytest.raises(ImportError), runtime.loading():
        raise ImportError
    gc.unfreeze()
    assert gc.isenabled()


def test_a_library_leaves_the_collector_alone(bare: pytest.MonkeyPatch) -> None:
    before = gc.get_freeze_count()
    with runtime.loading():
        assert gc.isenabled()
    assert gc.get_freeze_count() == before


def test_a_command_begins_with_its_process_and_a_library_call_with_itself(monkeypatch) -> None:
    monkeypatch.setattr(runtime, "_began", [])
    before = time.perf_counter()
    assert runtime.began() >= before
    runtime.count_from_start()
    born = psutil.Process().create_time()
    earliest = time.perf_counter() - (time.time() - born)
    assert runtime.began() <= before
    assert runtime.began() == pytest.approx(earliest, abs=1e-2)
