"""The whole command in two processes against one: weights, resuming with two and with one, and who writes and prints.

Run as a program, this file is one of the processes: a JSON list of runs, each the options of `embedtune.train`.
"""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

import embedtune

OPTIONS = {"epochs": 2, "batch_size": 14, "store": "none", "device": "cpu", "keep_checkpoints": True}
KEYS = ("training.dropout=off", "output.check_saved=here", "training.evaluate_every=5")
LOSSES = {
    "infonce": {"loss": ["infonce"]},
    "gist by itself": {"loss": ["gist"], "guide": "self", "margin": "0.05"},
    "gist by a guide": {"loss": ["gist"], "margin": "0.05"},
    "triplet": {"loss": ["triplet"]},
    "sigreg": {"loss": ["infonce", "sigreg:0.1"]},
    "moco": {"loss": ["moco"]},
    "swav": {"loss": ["swav"]},
    "deepcluster": {"loss": ["deepcluster"]},
}
TRANSFORMER = ("gist by itself", "gist by a guide", "moco")
"""Losses that a small transformer is trained with; the others train a starter."""
MOST = 1e-5


def run(one: dict) -> None:
    """One training run."""
    resume = one.pop("resume", None)
    embedtune.train(*one.pop("keys"), resume=resume, **one)


def main() -> None:
    """What each process does."""
    from embedtune.distributed import joined

    with joined():
        for one in json.loads(sys.argv[1]):
            run(one)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory) -> str:
    """60 pairs whose texts share words, so that losses differ; with 54 to train on, batches have 13 or 14 rows."""
    draw = np.random.default_rng(0)
    words = np.array(
        ["river", "stone", "cloud", "bread", "wind", "field", "paper", "겨울", "바다", "산길", "나무", "편지", "하늘"]
    )
    lines = []
    for number in range(60):
        said = draw.choice(words, 4).tolist()
        lines.append({"anchor": " ".join([*said, str(number)]), "positive": " ".join([*said[::-1], f"답 {number}"])})
    path = tmp_path_factory.mktemp("pairs") / "pairs.jsonl"
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    return str(path)


def options(pairs: str, folder: Path, model: str, guide: str, name: str) -> dict:
    """The options of a run."""
    own = {"guide": guide} if name == "gist by a guide" else {}
    return {**OPTIONS, "data": pairs, "output": str(folder), "model": model, **LOSSES[name], **own, "keys": [*KEYS]}


def started(runs: list[dict], processes: int = 2) -> list[subprocess.Popen]:
    """The processes, as torchrun would start them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    common = {**os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": str(processes)}
    return [
        subprocess.Popen(
            [sys.executable, __file__, json.dumps(runs)],
            env={**common, "RANK": str(rank), "LOCAL_RANK": str(rank), "LOCAL_WORLD_SIZE": str(processes)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(processes)
    ]


def ended(running: list[subprocess.Popen]) -> list[str]:
    """What the processes printed on both streams, once all have ended well."""
    said = [one.communicate(timeout=300) for one in running]
    assert [one.returncode for one in running] == [0] * len(running), said
    return [out + err for out, err in said]


def last_weights(folder: Path) -> dict[str, np.ndarray]:
    """The weights after the last step, whatever dev chose."""
    newest = max((folder / "checkpoints").glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))
    return {
        f"{path.relative_to(newest)}.{name}": value
        for path in sorted(newest.rglob("model.safetensors"))
        for name, value in load_file(path).items()
    }


def farthest(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> float:
    """The largest difference of two sets of weights."""
    assert one.keys() == other.keys() and one
    return max(float(np.abs(one[name] - other[name]).max()) for name in one)


@pytest.fixture(scope="module")
def two(pairs, bert_folder, tmp_path_factory) -> tuple[Path, list[str]]:
    """All runs in two processes, and what these printed."""
    folder = tmp_path_factory.mktemp("two")
    runs = [
        options(pairs, folder / name, str(bert_folder) if name in TRANSFORMER else "starter", str(bert_folder), name)
        for name in LOSSES
    ]
    return folder, ended(started(runs))


@pytest.mark.parametrize("name", LOSSES)
def test_two_processes_end_with_the_weights_of_one(two, pairs, bert_folder, tmp_path, name):
    model = str(bert_folder) if name in TRANSFORMER else "starter"
    run(options(pairs, tmp_path / "one", model, str(bert_folder), name))
    one, both = last_weights(tmp_path / "one"), last_weights(two[0] / name)
    assert farthest(one, both) <= MOST
    assert farthest(one, last_weights_at_start(tmp_path / "one")) > 100 * MOST  # it has learned


def last_weights_at_start(folder: Path) -> dict[str, np.ndarray]:
    """The weights of the oldest checkpoint."""
    oldest = min((folder / "checkpoints").glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))
    return {
        f"{path.relative_to(oldest)}.{name}": value
        for path in sorted(oldest.rglob("model.safetensors"))
        for name, value in load_file(path).items()
    }
