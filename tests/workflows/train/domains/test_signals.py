"""Domains over signals: the matrix is accuracy by recording, kept windows are learned again, and texts can stay."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file
from signal_data import records, write_windows, write_words

import embedtune
from embedtune.reports.results.train import TrainResult
from embedtune.training.run import watch
from embedtune.workflows.shared.run_folder import RunFolder

MACHINES = ("mill", "pump")
RECIPE = ("tower.dimensions=8", "training.checkpoint_every=2", "domains.choice=balanced", "domains.text=first")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recordings 0 and 1 to learn from, and 2 to 7 to be tested by; the odd ones are of the second machine."""
    folder = tmp_path_factory.mktemp("machines")
    rows = [{**row, "machine": MACHINES[int(str(row["recording"])[-1]) % 2]} for row in records(8, windows=6)]
    write_words(folder / "words.jsonl")
    for part, which in (("train", "01"), ("test", "234567")):
        write_windows(folder / f"set/{part}.parquet", [row for row in rows if str(row["recording"])[-1] in which])
        for machine in MACHINES:
            own = [row for row in rows if str(row["recording"])[-1] in which and row["machine"] == machine]
            write_windows(folder / f"{machine}-{part}.parquet", own)
    return folder


def options(place: Path, output: str) -> dict[str, Any]:
    short = {"data": str(place / "set"), "descriptions": str(place / "words.jsonl"), "group": "recording"}
    short |= {"domains": "machine", "replay": 6, "loss": ["infonce"], "guide": "none", "guard": ["none"]}
    return {**short, "epochs": 3, "batch_size": 6, "store": "none", "device": "cpu", "output": str(place / output)}


@pytest.fixture(scope="module")
def run(place: Path) -> TrainResult:
    return embedtune.train(*RECIPE, **options(place, "run"))


def weights(folder: Path) -> dict[str, np.ndarray]:
    found = sorted(folder.rglob("*.safetensors"))
    assert found
    return {f"{path.relative_to(folder)}/{name}": own for path in found for name, own in load_file(path).items()}


def test_the_matrix_is_the_accuracy_of_each_machine_after_each(run: TrainResult, place: Path) -> None:
    found = run.forgetting
    assert found is not None
    assert (found.metric, found.items, found.names, found.queries) == ("accuracy", "signals", MACHINES, (54, 54))
    assert (found.groups, found.grouped_by) == (18, "recording")
    # `evaluate` on the saved models is another path to the same numbers.
    for number, machine in enumerate(MACHINES):
        models = [str(RunFolder(place / "run/domains" / f"{n + 1}-{name}").model) for n, name in enumerate(MACHINES)]
        rows = embedtune.evaluate(
            data=[str(place / f"{machine}-test.parquet")], candidates=str(place / "words.jsonl"), model=models,
            group="recording", store="none", device="cpu", output=str(place / f"e-{machine}"),
        ).models  # fmt: skip
        expected = [row["metrics"]["accuracy"] for row in rows]
        assert [stage[number] for stage in run.domains] == pytest.approx(expected, abs=1e-9)
    (first, _), (last, _) = run.domains
    assert found.score.value == pytest.approx(first - last)
    assert run.after["accuracy"] == pytest.approx(np.mean(run.domains[-1]))
    assert run.after["accuracy"] > run.before["accuracy"]
    assert run.verdict is not None and (run.verdict.items, run.verdict.groups) == ("signals", 18)


def test_lines_per_signal_say_recording_and_place(run: TrainResult, place: Path) -> None:
    lines = [json.loads(line) for line in (place / "run/per_query.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len({line["query"] for line in lines}) == len(lines) == 108
    assert np.mean([line["after"]["accuracy"] for line in lines]) == pytest.approx(run.after["accuracy"])
    assert lines[0]["text"].endswith("test.parquet:1")
    assert "54 signals" in (place / "run/report.md").read_text(encoding="utf-8")


def test_kept_windows_are_learned_again_and_texts_stay_after_the_first(run: TrainResult, place: Path) -> None:
    first, second = (RunFolder(place / "run/domains" / f"{n + 1}-{name}") for n, name in enumerate(MACHINES))
    assert (first.facts()["rows"]["count"], second.facts()["rows"]["count"]) == (18, 18 + 6)
    before, after = weights(first.model), weights(second.model)
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    assert changed and all("signal" in name for name in changed)
    started = weights(first.start)
    assert any("text" in name and not np.array_equal(started[name], before[name]) for name in started)


def test_killed_in_the_second_machine_it_resumes_to_the_same_bytes(
    run: TrainResult, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, steps = watch.StepCount.on_step_end, [0]
    whole = RunFolder(place / "run/domains/1-mill")
    first = json.loads((whole.path / "report.json").read_text(encoding="utf-8"))["steps"]

    def dies(self: Any, *arguments: Any, **more: Any) -> Any:
        steps[0] += 1
        if steps[0] == first + 5:
            raise SystemExit("killed")
        return own(self, *arguments, **more)

    monkeypatch.setattr(watch.StepCount, "on_step_end", dies)
    with pytest.raises(SystemExit):
        embedtune.train(*RECIPE, **options(place, "killed"))
    monkeypatch.undo()
    folder = RunFolder(place / "killed")
    assert RunFolder(folder.domains / "1-mill").done and not RunFolder(folder.domains / "2-pump").done
    resumed = embedtune.train(resume=str(folder.path))
    assert resumed.domains == run.domains
    files = sorted(path.relative_to(run.model) for path in Path(run.model).rglob("*.safetensors"))
    for file in files:
        assert (Path(run.model) / file).read_bytes() == (Path(resumed.model) / file).read_bytes(), file
