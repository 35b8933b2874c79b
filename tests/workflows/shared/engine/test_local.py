"""`--engine local:N`: the bytes of one process, also when a worker is killed on the way."""

import json
import os
from contextlib import contextmanager

import psutil
import pytest

import embedtune
from embedtune.errors import ConfigError, StoppedError
from embedtune.workflows.shared.engine.local import in_processes
from embedtune.workflows.shared.talk import Silence

TEXTS = [f"text number {number}, {'길이가 다른 문장 ' * (number % 7)}" for number in range(90)]


def is_worker(process: psutil.Process) -> bool:
    """Whether it is a living worker, and not what is left of a process of another test."""
    try:
        return "spawn_main" in " ".join(process.cmdline())
    except psutil.ZombieProcess:
        return False


class Killing(Silence):
    """Kills one worker when the first texts are encoded."""

    killed = 0

    @contextmanager
    def progress(self, description, total=None):
        def tell(done, of=None, note="", /):
            workers = [one for one in psutil.Process().children() if is_worker(one)]
            if done and workers and not self.killed:
                self.killed = workers[0].pid
                workers[0].kill()

        yield tell


@pytest.fixture
def put(tmp_path):
    """A function that writes a text file."""

    def write(name: str, text: str) -> str:
        (tmp_path / name).write_text(text, encoding="utf-8")
        return str(tmp_path / name)

    return write


@pytest.fixture
def in_small_blocks(monkeypatch):
    """Blocks of eight texts, so that a few texts make many shards."""
    monkeypatch.setattr("embedtune.workflows.encode.run.BLOCK", 8)


def test_a_killed_worker_changes_no_byte(in_small_blocks, put, bert_folder, tmp_path):
    data, talk = put("texts.txt", "\n".join(TEXTS)), Killing()
    how = {"model": str(bert_folder), "data": data, "store": "none", "device": "cpu"}
    embedtune.encode(**how, output=str(tmp_path / "here.npy"))
    result = embedtune.encode(**how, output=str(tmp_path / "there.npy"), engine="local:2", talk=talk)
    assert result.texts == len(TEXTS)
    assert talk.killed
    assert (tmp_path / "here.npy").read_bytes() == (tmp_path / "there.npy").read_bytes()


def test_mining_in_a_worker_finds_the_same_negatives(put, bert_folder, tmp_path):
    rows = [{"anchor": text[:40], "positive": f"answer {number} {text}"} for number, text in enumerate(TEXTS[:30])]
    how = {
        "model": str(bert_folder),
        "data": put("pairs.jsonl", "\n".join(map(json.dumps, rows))),
        "store": "none",
        "device": "cpu",
    }
    for name, engine in (("here", "here"), ("there", "local:1")):
        embedtune.mine("mining.block=8", **how, output=str(tmp_path / name / "mined.jsonl"), engine=engine)
    here, there = ((tmp_path / name / "mined.jsonl").read_bytes() for name in ("here", "there"))
    assert here and here == there


@pytest.fixture
def in_small_windows(monkeypatch):
    """Windows of a few texts, so that few of them make several shards."""
    monkeypatch.setattr("embedtune.models.encode.compute.WINDOW", 7)


def test_evaluating_and_guiding_in_workers_find_what_one_process_finds(in_small_windows, put, bert_folder, tmp_path):
    rows = [{"anchor": text[:40], "positive": f"answer {number} {text}"} for number, text in enumerate(TEXTS[:40])]
    data = put("pairs.jsonl", "\n".join(map(json.dumps, rows)))
    common = {"data": data, "store": "none", "device": "cpu"}
    learn = {"model": "starter", "guide": str(bert_folder), "loss": ["gist"], "margin": "0.05", "max_steps": 2}
    for name, engine in (("here", "here"), ("there", "local:1")):
        embedtune.evaluate(**common, model=[str(bert_folder)], output=str(tmp_path / name / "scores"), engine=engine)
        embedtune.train(**common, **learn, output=str(tmp_path / name / "run"), engine=engine)
    for file in ("scores/per_query.jsonl", "run/model/model.safetensors"):
        here, there = ((tmp_path / name / file).read_bytes() for name in ("here", "there"))
        assert here and here == there, file


def test_jobs_without_a_message_start_no_worker(monkeypatch):
    monkeypatch.setattr("embedtune.workflows.shared.engine.local._begin", pytest.fail)
    assert list(in_processes(2, pytest.fail, "abc", lambda job: None)) == [("a", None), ("b", None), ("c", None)]


def test_workers_that_always_end_stop_the_command():
    with pytest.raises(StoppedError, match="ended 6 times in a row"):
        list(in_processes(1, os._exit, [1], lambda job: (job,)))


@pytest.mark.parametrize("engine", ["local", "local:0", "rays", "ray://", "spark"])
def test_an_unknown_engine_is_refused(engine, put, bert_folder, tmp_path):
    with pytest.raises(ConfigError, match="unknown engine"):
        embedtune.encode(
            model=str(bert_folder), data=put("texts.txt", "a"), output=str(tmp_path / "v.npy"), engine=engine
        )


def test_ray_that_is_not_installed_is_named(monkeypatch, put, bert_folder, tmp_path):
    monkeypatch.setattr("embedtune.workflows.shared.engine.naming.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="Ray is not installed") as caught:
        embedtune.encode(
            model=str(bert_folder), data=put("texts.txt", "a"), output=str(tmp_path / "v.npy"), engine="ray"
        )
    assert "embedtune[ray]" in caught.value.next
