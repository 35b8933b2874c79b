"""Trackers by name, through transformers' own integrations: a run reports its losses, and nothing is published."""

import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import embedtune
from embedtune.config.sections.run_output import OutputSection
from embedtune.errors import ConfigError


class FakeTrackio(ModuleType):
    """What transformers calls of trackio."""

    __version__ = "0.43.0"

    def __init__(self) -> None:
        super().__init__("trackio")
        self.__spec__ = ModuleSpec("trackio", None)
        self.logged: list[dict[str, Any]] = []
        self.called: list[str] = []
        self.name = ""
        current = SimpleNamespace(get=lambda: None)
        self.context_vars = SimpleNamespace(current_space_id=current)
        self.config = SimpleNamespace(update=lambda *_, **__: None)

    def init(self, *, name: str, **_: Any) -> None:
        self.name = name
        self.called.append("init")

    def log(self, values: dict[str, Any], **_: Any) -> None:
        self.logged.append(values)

    def finish(self) -> None:
        self.called.append("finish")

    def freeze(self, **_: Any) -> str:
        self.called.append("freeze")
        return "published"


def test_a_run_is_tracked_and_not_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeTrackio()
    monkeypatch.setitem(sys.modules, "trackio", fake)
    monkeypatch.chdir(tmp_path)
    rows = "".join(f'{{"anchor": "question {i}?", "positive": "the answer is {i}"}}\n' for i in range(40))
    Path("pairs.jsonl").write_text(rows)
    embedtune.train(
        "output.check_saved=here", data="pairs.jsonl", loss=["infonce"], max_steps=2, output="tracked",
        track=["trackio"], device="cpu", store="none",
    )  # fmt: skip
    assert fake.called == ["init", "finish"] and fake.name == "tracked"
    assert any("train/loss" in values for values in fake.logged)


def test_a_tracker_that_is_not_installed_is_refused_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("embedtune.workflows.train.run.find_spec", lambda name: None)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="wandb is not installed") as refused:
        embedtune.train(data="samples", max_steps=1, output="run", track=["wandb"])
    assert "embedtune[wandb]" in str(refused.value.next) and not Path("run").exists()


def test_each_tracker_is_named_once() -> None:
    assert OutputSection(tensorboard=True, track=["wandb", "tensorboard"]).trackers == ("tensorboard", "wandb")
