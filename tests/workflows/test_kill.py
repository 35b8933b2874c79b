"""Training processes ended with SIGKILL, gone on with, and compared byte for byte with one that was let be."""

import json
import multiprocessing
import os
import signal
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from embedtune.workflows.shared.run_folder import RunFolder
from embedtune.workflows.shared.talk import Silence
from embedtune.workflows.train.run import train

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no fork and no SIGKILL")

TIMING = ("elapsed_s", "time_spent", "examples_per_s", "tokens_per_s", "peak_memory_bytes")
PRODUCTS = ("flops_per_s", "share_of_peak")
STEPS = 6


class Killer(Silence):
    """Ends the process when it hears of a step; a fork of this one, so that libraries need not load again."""

    def __init__(self, step: int | None) -> None:
        self._step = step

    @contextmanager
    def progress(self, description, total=None):
        def tell(done: int, *_: object) -> None:
            if description == "training" and done == self._step:
                os.kill(os.getpid(), signal.SIGKILL)

        yield tell


def in_a_fork(config, folder: Path, step: int | None) -> int | None:
    """Start a run or go on with it, and kill it at a step; the exit code of the process."""
    import torch

    import embedtune.workflows.train.stages  # noqa: F401  (loaded once, here)

    def work() -> None:
        torch.set_num_threads(1)
        run = RunFolder(folder)
        train(config, talk=Killer(step), resume=run if run.begun else None)

    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    process.join()
    return process.exitcode


RECIPES = {
    "a starter guided by itself": (("loss.0.args.margin=0.1", "training.evaluate_every=4"), {"loss": ["gist"]}),
    "BERT with cached gradients, a queue and a temperature that learns": (
        ("loss.0.args.learnable_temperature=true", "training.micro_batch_tokens=64", "training.patience=9"),
        {"loss": ["infonce"], "queue": 20, "model": "bert"},
    ),
}


STARTER, BERT = RECIPES


@pytest.mark.parametrize(
    ("name", "products"), [(STARTER, "fp32"), (BERT, "fp32"), (BERT, "bf16")], indirect=["products"]
)
def test_a_killed_run_ends_as_if_nothing_had_happened(recipe, bert_folder, tmp_path, monkeypatch, name, products):
    """Each run in a folder of its own under the same name, so that even its report names the same places."""
    overrides, options = RECIPES[name]
    options = {**options, "model": str(bert_folder) if options.get("model") else "starter"}
    for place in ("whole", "killed"):
        (tmp_path / place).mkdir()
    config = recipe("training.checkpoint_every=2", *overrides, **options, max_steps=STEPS, epochs=3)
    config = config.model_copy(update={"output": config.output.model_copy(update={"folder": "run"})})
    monkeypatch.chdir(tmp_path / "whole")
    assert in_a_fork(config, Path("run"), None) == 0
    monkeypatch.chdir(tmp_path / "killed")
    for step in (1, 3, 6):
        assert in_a_fork(config, Path("run"), step) == -signal.SIGKILL
    assert in_a_fork(config, Path("run"), None) == 0
    whole, killed = (tmp_path / place / "run" for place in ("whole", "killed"))
    for file in ("model/model.safetensors", "per_query.jsonl", "before.trec", "after.trec"):
        assert (whole / file).read_bytes() == (killed / file).read_bytes(), file
    first, second = (json.loads((folder / "report.json").read_text(encoding="utf-8")) for folder in (whole, killed))
    for key in first.keys() - {*TIMING, *PRODUCTS}:
        assert first[key] == second[key], key


def test_the_same_command_gives_the_same_bytes(recipe, tmp_path, monkeypatch):
    """Model, rankings, values per query and the report, but for how long it took."""
    outputs = []
    for place in ("one", "two"):
        (tmp_path / place).mkdir()
        monkeypatch.chdir(tmp_path / place)
        config = recipe(max_steps=4, data=str(tmp_path / "pairs.jsonl"))
        config = config.model_copy(update={"output": config.output.model_copy(update={"folder": "run"})})
        train(config)
        outputs.append(tmp_path / place / "run")
    one, two = outputs
    files = sorted(path.relative_to(one) for path in one.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(two) for path in two.rglob("*") if path.is_file())
    for file in files:
        if file.parts[0] in ("model", "start") or file.suffix in (".trec", ".yaml") or file.name == "per_query.jsonl":
            assert (one / file).read_bytes() == (two / file).read_bytes(), file
    first, second = (json.loads((folder / "report.json").read_text(encoding="utf-8")) for folder in outputs)
    parts = [set(one.pop("time_spent")) for one in (first, second)]
    assert parts[0] == parts[1] and "training" in parts[0]
    timed = {key: (first.pop(key), second.pop(key)) for key in TIMING if key != "time_spent"}
    assert all(min(values) > 0 for values in timed.values())
    assert first == second
