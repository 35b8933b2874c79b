"""The folder of a run: everything needed to understand, repeat, resume and use it, and nothing outside it."""

import json
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from embedtune.config.recipe.load import dump_config, load_config
from embedtune.config.train import TrainConfig
from embedtune.durable import UNFINISHED, remove_unfinished, write_text
from embedtune.errors import ConfigError, OutputError
from embedtune.reports.results.train import TrainResult
from embedtune.workflows.shared.output_folder import unused

RECIPE, FACTS, METRICS, REPORT = "recipe.yaml", "run.json", "metrics.jsonl", "report.json"
PAGE = "report.html"
STARTED_IN = "started_in"
RUNS = Path("runs")
"""Where runs go that were given no folder."""


@dataclass(frozen=True)
class RunFolder:
    """Paths inside one run."""

    path: Path

    @property
    def model(self) -> Path:
        return self.path / "model"

    @property
    def start(self) -> Path:
        """The encoder as it was before training, where it exists nowhere else."""
        return self.path / "start"

    @property
    def lock(self) -> Path:
        """Held by the process that is at work on the run."""
        return self.path / ".lock"

    @property
    def begun(self) -> bool:
        return os.path.isfile(self.path / RECIPE)  # noqa: PTH113  (pathlib raises on a name no file can have)

    @property
    def trained(self) -> bool:
        """Whether there is a checkpoint to go on from; the file looked for is the last that is written into one."""
        return any(self.path.glob("checkpoints/checkpoint-*/embedtune_manifest.json"))

    @property
    def done(self) -> bool:
        return (self.path / REPORT).is_file()

    def recipe(self) -> TrainConfig:
        """The recipe this run was started with."""
        return load_config(str(self.path / RECIPE), (), {})

    def facts(self) -> dict[str, Any]:
        """What `write_facts` left, or nothing."""
        return self._read_json(FACTS) if (self.path / FACTS).is_file() else {}

    @property
    def started_in(self) -> Path:
        """The folder one was in when the run was started; names of files in its recipe are as from there."""
        # A run that was killed before it wrote this down has only its recipe, and is taken for one of this folder.
        return Path(self.facts().get(STARTED_IN) or Path.cwd())

    def result(self) -> TrainResult:
        """The result of a finished run."""
        try:
            return TrainResult.from_json(self._read_json(REPORT))
        except TypeError as error:
            raise self._damaged(REPORT, error) from error

    def _read_json(self, name: str) -> dict[str, Any]:
        try:
            content: dict[str, Any] = json.loads((self.path / name).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise self._damaged(name, error) from error
        return content

    def _damaged(self, name: str, error: Exception) -> OutputError:
        return OutputError(
            f"{name} of this run cannot be read: {error}",
            where=str(self.path),
            next="the run folder was damaged; start a new run with another --output",
        )

    def write(self, name: str, text: str) -> None:
        """Write a file whole or not at all."""
        write_text(self.path / name, text)

    def write_json(self, name: str, value: Mapping[str, Any]) -> None:
        """Write an object as JSON, whole or not at all; Korean stays readable."""
        self.write(name, json.dumps(value, ensure_ascii=False, indent=2) + "\n")

    def discard(self) -> None:
        """Take back what a run wrote here before it trained; what others put here meanwhile stays, and its folder."""
        for name in (RECIPE, FACTS, METRICS):
            (self.path / name).unlink(missing_ok=True)
            remove_unfinished(self.path / name)
        self.lock.unlink(missing_ok=True)
        for folder in (self.start, self.path / "checkpoints"):
            shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):
            self.path.rmdir()
            if self.path.parent == RUNS:
                RUNS.rmdir()


def new_run(config: TrainConfig) -> RunFolder:
    """Make the folder of a new run and put its recipe there.

    Raises:
        ConfigError: the folder already holds a run or other files.
        OutputError: it cannot be made or written.
    """
    name = f"{datetime.now():%Y%m%d-%H%M%S}-{config.loss[0].name}"
    path = Path(config.output.folder).expanduser() if config.output.folder else unused(RUNS / name)
    folder = RunFolder(path)
    if folder.begun:
        again = f"embedtune train --resume {path}"
        raise ConfigError(
            f"{path} already holds a run" + (", which is done" if folder.done else ""),
            where="--output",
            next=f"name another folder; `{again}` {'shows its result again' if folder.done else 'goes on with it'}",
        )
    try:
        # What a process left that was killed while it began here is nobody's.
        if path.is_dir() and any(entry.suffix != UNFINISHED for entry in path.iterdir()):
            raise ConfigError(
                f"{path} is not empty, and a run never writes into other people's files",
                where="--output",
                next="name a folder that does not exist yet",
            )
        path.mkdir(parents=True, exist_ok=True)
        folder.write(RECIPE, dump_config(config))
    except (OSError, ValueError) as error:
        raise OutputError(
            f"cannot write the run folder {str(path)[:200]}: {getattr(error, 'strerror', None) or error}",
            where="--output",
            next="name a folder that you may write to",
        ) from error
    return folder
