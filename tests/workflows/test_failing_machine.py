"""A file that the machine cannot read at this moment is neither missing nor damaged nor of another format."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from embedtune.config.verbs.train import TrainConfig
from embedtune.errors import EmbedtuneError, machine_fault
from embedtune.workflows.compare.recorded_sets import recorded_sets
from embedtune.workflows.compare.values import RESULT, _result
from embedtune.workflows.mine.run import _decided
from embedtune.workflows.shared.outputs import Outputs
from embedtune.workflows.shared.run_folder import FACTS, RECIPE, RunFolder
from embedtune.workflows.train.plan import _opened
from embedtune.workflows.train.unpaired_proposal import proposed

READING: dict[str, tuple[str, Callable[[Path], object]]] = {
    "the record of a run": (FACTS, lambda folder: RunFolder(folder).facts()),
    "the recipe of a run": (RECIPE, lambda folder: RunFolder(folder).recipe()),
    "what a comparison checks against": (RESULT, _result),
    "the data of an evaluation": (RESULT, recorded_sets),
    "a person's decisions": ("mined.ledger.jsonl", lambda folder: _decided(folder / "mined.ledger.jsonl")),
    "whether an output is ours": ("x", lambda folder: Outputs([folder / "x"]).demand_own()),
    "data to make views of": ("x.jsonl", lambda folder: proposed(_recipe(folder), _opened(_recipe(folder)))),
}


def _recipe(folder: Path) -> TrainConfig:
    return TrainConfig.model_validate({"data": {"source": str(folder / "x.jsonl")}})


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.EMFILE])
@pytest.mark.parametrize("what", READING)
def test_what_cannot_be_read_now_is_a_fault_of_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, number: int
) -> None:
    name, read = READING[what]
    (tmp_path / name).write_text('{"text": "a text"}\n', encoding="utf-8")
    opened = Path.open

    def refuse(path: Path, *arguments: object, **options: object) -> object:
        if path.name in (name, ".x.embedtune"):
            raise OSError(number, os.strerror(number), str(path))
        return opened(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises((OSError, EmbedtuneError)) as caught:
        read(tmp_path)
    fault = machine_fault(caught.value)
    assert fault is not None and fault.where is not None and str(tmp_path) in fault.where
