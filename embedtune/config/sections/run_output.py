"""The `output:` section of `embedtune train`: where results go."""

from typing import Literal

from pydantic import Field

from embedtune.config.fields import Store
from embedtune.config.options import option
from embedtune.config.section import NewFolder, RecipeSection

Tracker = Literal["tensorboard", "wandb", "mlflow", "trackio"]


class OutputSection(RecipeSection):
    """Where results go."""

    heading = "Output"

    folder: NewFolder | None = option(
        None, "the run folder", "FOLDER", flag="output", shown="runs/DATE-DATA-MODEL-LOSS"
    )
    store: Store = "auto"
    tensorboard: bool = False
    track: list[Tracker] = option(
        [],
        "also send loss, gauges and dev scores there, with the options of the run; repeat it for several",
        "tensorboard|wandb|mlflow|trackio",
        shown="none",
        repeat=True,
    )
    keep_checkpoints: bool = option(False, "keep the checkpoints of a finished run, so that it can train on")
    check_saved: Literal["process", "here"] = Field(
        "process", description="where the saved model is read back and compared: in a new process, or in this one"
    )

    @property
    def trackers(self) -> tuple[Tracker, ...]:
        """Where the run is tracked, each once; `tensorboard: true` is the older way to name the first."""
        older: list[Tracker] = ["tensorboard"] if self.tensorboard else []
        return tuple(dict.fromkeys([*older, *self.track]))
