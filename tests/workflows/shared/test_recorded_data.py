"""The data of a run read again: from where it was started, the same bytes, or not at all."""

from collections.abc import Callable
from pathlib import Path

import pytest

from embedtune.config.verbs.train import TrainConfig
from embedtune.data.prepare import prepare
from embedtune.errors import DataError
from embedtune.workflows.shared.recorded_data import _exported, demand_same, recorded_training, refuse_hub
from embedtune.workflows.shared.run_folder import FACTS, STARTED_IN, RunFolder, new_run


@pytest.fixture
def run(recipe: Callable[..., TrainConfig], pairs: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """A run started beside its data, which its recipe names as they are called there."""
    monkeypatch.chdir(pairs.parent)
    config = recipe(data=pairs.name)
    folder = new_run(config)
    hashes = dict(prepare(config.data, config.training.seed).hashes)
    folder.write_json(FACTS, {"data_sha256": hashes, STARTED_IN: str(pairs.parent)})
    return folder


def test_data_are_found_from_another_folder(run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = recorded_training(run).train
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert recorded_training(run).train.positives == here.positives


def test_changed_data_are_refused(run: RunFolder, pairs: Path) -> None:
    pairs.write_text(pairs.read_text(encoding="utf-8").replace("환불", "반품"), encoding="utf-8")
    with pytest.raises(DataError, match=f"changed since: {pairs.name}"):
        recorded_training(run)


def test_nothing_is_fetched_and_a_file_less_is_no_change() -> None:
    with pytest.raises(DataError, match="on the Hub"):
        refuse_hub(["samples", "hf:owner/name"])
    refuse_hub(["samples"])
    demand_same({"a": "1", "b": "2"}, {"renamed": "1"})


def test_an_export_comes_from_the_run_of_its_encoder(tmp_path):
    exported = tmp_path / "exported"
    exported.mkdir()
    (exported / "export.json").write_text('{"model": "somewhere/model"}')
    assert _exported(str(exported)) == "somewhere/model"
    for damaged in ("{", "[]", "{}"):
        (exported / "export.json").write_text(damaged)
        assert _exported(str(exported)) is None
    assert _exported(str(tmp_path)) is None and _exported("starter") is None
