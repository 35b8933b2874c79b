"""The folder of a race: what was asked for, what was decided on the way, and the result."""

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedtune.config.recipe.load import load
from embedtune.config.verbs.tune import TuneConfig
from embedtune.durable import discard, write_text
from embedtune.errors import ConfigError
from embedtune.reports.results.tune import TuneResult
from embedtune.workflows.shared.relocation import found_again
from embedtune.workflows.shared.run_folder import STARTED_IN

TUNED = Path("tuned")
"""Where races go by default."""
CONFIG, FACTS, RESULT, HEATS = "tune.yaml", "race.json", "tune.json", "heats"


@dataclass(frozen=True)
class RaceFolder:
    """Paths inside one race."""

    path: Path

    @property
    def heats(self) -> Path:
        """What was trained so far."""
        return self.path / HEATS

    @property
    def started(self) -> bool:
        """Whether anything was trained."""
        return any(self.heats.glob("*.json"))

    @property
    def config(self) -> TuneConfig:
        """What was asked for, with its files found: from the current folder, else from where the race was started.

        Raises:
            ConfigError: there is no race here.
        """
        if not (self.path / CONFIG).is_file():
            raise ConfigError(
                f"there is no race in {self.path}",
                where="--resume",
                next="name the folder that an earlier `embedtune tune` printed, or leave --resume out",
            )
        return found_again(load(TuneConfig, str(self.path / CONFIG)), self.started_in)

    @property
    def started_in(self) -> Path:
        """The working directory when the race was begun; relative names in its files start there."""
        return Path(self.facts().get(STARTED_IN) or Path.cwd())

    def facts(self) -> dict[str, Any]:
        """What was found out and decided before the first heat; empty at the beginning."""
        path = self.path / FACTS
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        return found

    def note(self, **more: Any) -> None:
        """Add to the facts."""
        write_text(self.path / FACTS, json.dumps({**self.facts(), **more}, ensure_ascii=False, indent=1) + "\n")

    def result(self) -> TuneResult | None:
        """The result of a finished race."""
        path = self.path / RESULT
        return TuneResult.from_json(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None

    def discard(self) -> None:
        """Remove a race in which nothing was trained yet, and its folder unless others have put files there."""
        for name in (HEATS, CONFIG, FACTS, "default.yaml", ".lock"):
            discard(self.path / name)
        with suppress(OSError):
            self.path.rmdir()
            if self.path.parent == TUNED:
                TUNED.rmdir()
