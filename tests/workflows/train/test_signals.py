"""A run on signals: what it leaves, what its verdict counts, and that everything reads its model."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from signal_data import PITCHES, records, window, write_windows, write_words

import embedtune
from embedtune.errors import ConfigError, DataError
from embedtune.models.towers.spectrum import spectrum
from embedtune.reports.results.train import TrainResult

PLAIN = """
import json, sys
import numpy as np
from sentence_transformers import SentenceTransformer
model = SentenceTransformer(sys.argv[1], device="cpu")
signals = model.encode(list(np.load(sys.argv[2])), normalize_embeddings=True)
texts = model.encode(json.loads(sys.argv[3]), normalize_embeddings=True)
ours = sorted(m for m in sys.modules if m.startswith("embedtune"))
print(json.dumps({"scores": (signals @ texts.T).tolist(), "ours": ours}))
"""


class Killed(BaseException):
    """Ends a run as a kill does."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("signals")
    write_windows(folder / "w.parquet", records(recordings=8, windows=4))
    write_words(folder / "words.jsonl")
    return folder


def options(place: Path, output: str, **more: Any) -> dict[str, Any]:
    short = {"data": str(place / "w.parquet"), "descriptions": str(place / "words.jsonl"), "group": "recording"}
    short |= {"output": str(place / output), "store": "none", "device": "cpu", "loss": ["infonce"], "guide": "none"}
    return {**short, "epochs": 20, "batch_size": 16, **more}


@pytest.fixture(scope="module")
def run(place: Path) -> TrainResult:
    """A run with the starter for texts and the default tower."""
    return embedtune.train("tower.dimensions=16", **options(place, "run"))


def test_pitches_are_recognised_by_recordings_that_were_not_trained_on(run: TrainResult) -> None:
    assert run.after["accuracy"] > run.before["accuracy"]
    assert run.after["accuracy"] > 0.8  # a tone's pitch is plain to see in its spectrum; chance is a third
    assert run.verdict is not None
    assert (run.verdict.items, run.verdict.groups, run.verdict.grouped_by) == ("signals", 3, "recording")
    assert run.verdict.queries == 12


def test_evaluation_says_the_same_and_takes_files(run: TrainResult, place: Path) -> None:
    held = [row for row in records(recordings=11, windows=4) if str(row["recording"])[-2:] in ("-9", "10")]
    test = write_windows(place / "other.parquet", held)
    found = embedtune.evaluate(
        data=[str(test)], candidates=str(place / "words.jsonl"), model=[run.model], group="recording", store="none",
        output=str(place / "evaluation"), device="cpu",
    )  # fmt: skip
    (row,) = found.models
    assert row["items"] == "signals"
    assert row["groups"] == 6
    assert row["metrics"]["accuracy"] == 1.0
    assert row["confusion"]["labels"] == sorted(PITCHES)


def test_without_us_a_fresh_process_chooses_the_same(run: TrainResult, place: Path) -> None:
    windows = [window(label, 12, 0) for label in PITCHES]
    np.save(place / "spectra.npy", np.stack([spectrum(one[None]) for one in windows]))
    words = ["a low hum", "a tone of middle pitch", "a high whistle"]
    command = [sys.executable, "-c", PLAIN, run.model, str(place / "spectra.npy"), json.dumps(words)]
    there = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert there["ours"] == []
    assert np.argmax(there["scores"], axis=1).tolist() == [0, 1, 2]


def test_encode_and_search_take_signals(run: TrainResult, place: Path) -> None:
    vectors = place / "vectors.npy"
    embedtune.encode(data=str(place / "w.parquet"), model=run.model, output=str(vectors), store="none", device="cpu")
    assert np.load(vectors).shape == (96, 16)
    corpus = embedtune.open_search(data=str(place / "w.parquet"), model=[run.model], store="none", device="cpu")
    np.save(place / "new.npy", window("high", 13, 0))
    for query, label in (("a deep tone", "low"), (str(place / "new.npy"), "high")):
        (results,) = corpus.ask(query).results.values()
        rows = [int(one.text.rpartition(":")[2]) - 1 for one in results[:5]]
        assert {records(recordings=8, windows=4)[row]["label"] for row in rows} == {label}


def test_a_trained_tower_is_trained_on(run: TrainResult, place: Path) -> None:
    again = embedtune.train(**options(place, "more", model=run.model, epochs=1))
    assert again.before["accuracy"] == run.after["accuracy"]


def test_views_of_signals_are_trained_on(place: Path) -> None:
    result = embedtune.train("tower.dimensions=16", **options(place, "viewed", epochs=4, views="jitter:0.2+roll"))
    assert result.after["accuracy"] > result.before["accuracy"]


def test_killed_and_resumed_it_ends_with_the_same_bytes(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from embedtune.training.run import watch

    keys = options(place, "whole", epochs=4, tower="conv")
    whole = embedtune.train("tower.dimensions=8", "training.checkpoint_every=3", **keys)
    own, steps = watch.StepCount.on_step_end, [0]

    def dies(self: Any, *arguments: Any, **more: Any) -> Any:
        steps[0] += 1
        if steps[0] == 8:
            raise Killed
        return own(self, *arguments, **more)

    monkeypatch.setattr(watch.StepCount, "on_step_end", dies)
    keys = options(place, "killed", epochs=4, tower="conv")
    with pytest.raises(Killed):
        embedtune.train("tower.dimensions=8", "training.checkpoint_every=3", **keys)
    monkeypatch.undo()
    resumed = embedtune.train(resume=keys["output"])
    files = sorted(path.relative_to(whole.model) for path in Path(whole.model).rglob("*.safetensors"))
    assert files
    for file in files:
        assert (Path(whole.model) / file).read_bytes() == (Path(resumed.model) / file).read_bytes(), file


def test_what_cannot_be_is_refused(place: Path, run: TrainResult) -> None:
    with pytest.raises(DataError, match="near copies of each other"):
        embedtune.train(**options(place, "none", group=None))
    with pytest.raises(ConfigError, match="with a tower of the kind spectrum"):
        embedtune.train(**options(place, "none", model=run.model, tower="conv"))
    with pytest.raises(ConfigError, match="there are none in the data"):
        embedtune.train(data="samples:en", tower="conv", output=str(place / "none2"), store="none", device="cpu")
