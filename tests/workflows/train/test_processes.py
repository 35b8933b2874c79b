"""The whole command in two processes against one: weights, a killed process, resuming with two and with one.

Run as a program, this file is one of the processes: it gets JSON, the options of several `embedtune.train`, or the
words of a command line and the step before which the second process kills itself.
"""

import gc
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager, nullcontext
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
    "sigreg": {"loss": ["infonce", "sigreg:0.1"]},
    "moco": {"loss": ["moco"]},
    "moco with Adam": {"loss": ["moco"]},
    "triplet": {"loss": ["triplet"]},
    "swav": {"loss": ["swav"]},
    "deepcluster": {"loss": ["deepcluster"]},
    "encoded twice": {"loss": ["infonce"]},
}
TRANSFORMER = ("encoded twice", "gist by itself", "gist by a guide", "moco", "moco with Adam", "triplet")
"""Losses that a small transformer is trained with; the others train a starter."""
TWICE = "training.skip_below=1e-9"
"""Leaves out no text: with more, each process leaves out texts of its own, and the weights differ within a bound."""
PLAIN = dict.fromkeys(("encoded twice", "gist by itself", "gist by a guide", "moco", "triplet"), 0.05) | {"swav": 0.5}
"""Runs with plain gradient descent, and its rate. Where there is next to no gradient, as for a token in rows that are
learned already, what is left is rounding, and Adam makes full steps of that: with it, 0.4% of these weights differ."""
MOST, NEARLY_ALL = 1e-5, 0.99
"""The largest difference of weights, and the share that it holds for where a transformer learns with Adam."""
RANK = os.environ.get("RANK")  # while they train, the variables of the launcher are hidden


def run(one: dict) -> None:
    """One training run."""
    resume, plain = one.pop("resume", None), one.pop("plain", False)
    with plain_descent() if plain else nullcontext():
        embedtune.train(*one.pop("keys"), resume=resume, **one)


@contextmanager
def plain_descent():
    """Without Adam."""
    import torch

    from embedtune.training.run.loop import Loop

    with pytest.MonkeyPatch.context() as patch:
        rate = lambda _, args, model=None: (torch.optim.SGD, {"lr": args.learning_rate})  # noqa: E731
        patch.setattr(Loop, "get_optimizer_cls_and_kwargs", rate)
        yield


def main() -> None:
    """What each process does."""
    asked = json.loads(sys.argv[1])
    if "words" in asked:
        from embedtune.cli.shared.app import main as command

        _kill_before(asked["step"])
        command(asked["words"])
    from embedtune.distributed import joined

    with joined():
        for one in asked["runs"]:
            run(one)
    gc.collect()
    left = [name for name in _threads() if "gloo" in name]
    assert not left, f"threads of the ended group would abort the process as it ends: {left}"


def _threads() -> list[str]:
    """The names of this process's threads; Linux tells them."""
    return [(one / "comm").read_text().strip() for one in Path("/proc/self/task").glob("*")]


def _kill_before(step: int) -> None:
    """Let the second process be killed before a step."""
    from embedtune.training.run.watch import StepCount

    before = StepCount.on_step_begin

    def on_step_begin(self, args, state, control, **parts):
        if state.global_step == step and RANK == "1":
            os.kill(os.getpid(), signal.SIGKILL)
        before(self, args, state, control, **parts)

    StepCount.on_step_begin = on_step_begin


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
    own |= {"lr": "0.005"} if model == "starter" else {}
    own |= {"lr": str(PLAIN[name]), "plain": True} if name in PLAIN else {}
    keys = [*KEYS, TWICE] if name == "encoded twice" else [*KEYS]
    return {**OPTIONS, "data": pairs, "output": str(folder), "model": model, **LOSSES[name], **own, "keys": keys}


def started(asked: dict, processes: int = 2) -> list[subprocess.Popen]:
    """The processes, as torchrun would start them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    common = {**os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": str(processes)}
    return [
        subprocess.Popen(
            [sys.executable, __file__, json.dumps(asked)],
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
    return weights(steps(folder)[-1])


def steps(folder: Path) -> list[Path]:
    """The checkpoints of a run, in order."""
    return sorted((folder / "checkpoints").glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))


def weights(checkpoint: Path) -> dict[str, np.ndarray]:
    """The encoder in a checkpoint."""
    files = sorted(checkpoint.rglob("model.safetensors"))
    return {f"{path.relative_to(checkpoint)} {name}": one for path in files for name, one in load_file(path).items()}


def farthest(one: dict[str, np.ndarray], other: dict[str, np.ndarray], share: float = 1.0) -> float:
    """The largest difference of two sets of weights, over this share of them, those that differ least."""
    assert one.keys() == other.keys() and one
    differences = np.concatenate([np.abs(one[name] - other[name]).ravel() for name in one])
    return float(np.quantile(differences, share))


@pytest.fixture(scope="module")
def two(pairs, bert_folder, tmp_path_factory) -> tuple[Path, list[str]]:
    """All runs in two processes, and what these printed."""
    folder = tmp_path_factory.mktemp("two")
    runs = [
        options(pairs, folder / name, str(bert_folder) if name in TRANSFORMER else "starter", str(bert_folder), name)
        for name in LOSSES
    ]
    return folder, ended(started({"runs": runs}))


@pytest.mark.parametrize("name", LOSSES)
def test_two_processes_end_with_the_weights_of_one(two, pairs, bert_folder, tmp_path, name):
    model = str(bert_folder) if name in TRANSFORMER else "starter"
    run(options(pairs, tmp_path / "one", model, str(bert_folder), name))
    one = last_weights(tmp_path / "one")
    assert farthest(one, last_weights(two[0] / name), NEARLY_ALL if name.endswith("Adam") else 1) <= MOST
    start = bert_folder if name in TRANSFORMER else tmp_path / "one" / "start"
    assert farthest(one, weights(start)) > 10 * MOST  # it has learned


def test_only_the_first_process_writes_and_nobody_prints(two):
    folder, said = two
    assert said == ["", ""]
    log = [json.loads(line)["step"] for line in (folder / "infonce" / "metrics.jsonl").read_text().splitlines()]
    assert log == sorted(log) and log.count(1) == 1


def test_a_killed_process_ends_all_and_the_run_resumes_as_if_nothing_had_been(two, pairs, bert_folder, tmp_path):
    asked = options(pairs, tmp_path / "run", str(bert_folder), "", "moco with Adam")
    values = {
        name.replace("_", "-"): value for name, value in asked.items() if name not in ("keys", "keep_checkpoints")
    }
    values["loss"] = "moco"
    words = [word for name, value in values.items() for word in (f"--{name}", str(value))]
    running = started({"words": ["train", *asked["keys"], *words, "--keep-checkpoints"], "step": 7})
    (_, said), (out, err) = (one.communicate(timeout=300) for one in running)
    assert [one.returncode for one in running] == [4, -signal.SIGKILL], said
    assert out + err == ""
    assert said.count("error: ") == 1 and "another of the 2 processes of this run has ended" in said
    assert f"embedtune train --resume {tmp_path / 'run'}" in said
    shutil.copytree(tmp_path / "run", tmp_path / "copy")
    ended(started({"runs": [{"resume": str(tmp_path / "run"), "keys": []}]}))
    undisturbed = last_weights(two[0] / "moco with Adam")
    assert farthest(last_weights(tmp_path / "run"), undisturbed) == 0
    embedtune.train(resume=str(tmp_path / "copy"))
    assert farthest(last_weights(tmp_path / "copy"), undisturbed, NEARLY_ALL) <= MOST


if __name__ == "__main__":
    main()
