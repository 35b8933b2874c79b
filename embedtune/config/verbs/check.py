"""Every option of `embedtune check`: its name, unit, default, range and help."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from embedtune.config.fields import Columns, Device, GroupColumn, LearnedSplit, Source, TextEncoding, random_seed
from embedtune.config.options import option
from embedtune.config.section import Auto, Name, RecipeSection
from embedtune.config.sections.encoder import OptionalModelSection
from embedtune.config.sections.training import TrainingSection


class CheckedSection(RecipeSection):
    """The data to look at."""

    heading = "Data"

    source: Source = "samples"
    split: LearnedSplit = "train"
    columns: Columns = Field(default_factory=dict)
    encoding: TextEncoding = None
    group: GroupColumn = None
    eval_source: Name | None = option(
        None, "test queries to look for in the training data", "SET", flag="eval_data", shown="the data's own"
    )
    eval_split: Name = option("test", "split of --eval-data to use", "NAME")
    corpus: Name | None = option(None, "documents to look at as well: a file or a BEIR folder", "PATH")


class CheckSection(RecipeSection):
    """What training would do with the data, and what to make of the findings."""

    heading = "Forecast"

    batch_size: Annotated[int, Field(ge=2)] | Auto = option(
        "auto", "pairs per training step; auto: as `train` does with a pretrained encoder", "auto|PAIRS"
    )
    epochs: Annotated[int, Field(ge=1)] | Auto = option(
        "auto", "passes over the training pairs; auto: as `train` does", "auto|N"
    )
    clusters: bool = option(
        False,
        "with --model: how many held-out texts a training text nearly repeats, split at random and by whole clusters",
        group="Data",
    )
    seed: int = random_seed("queries drawn from classes and for the starter")
    device: Device = "auto"
    fail_on: Literal["error", "warning", "note"] | None = option(
        None,
        "exit with code 3 when a finding is at least this severe",
        "error|warning|note",
        group="Run",
        shown="never",
    )
    fix: Name | None = option(
        None,
        "write a cleaned copy there, what it lacks to OUT.removed.jsonl, and report both",
        "OUT.jsonl",
        group="Output",
    )

    @property
    def training(self) -> TrainingSection:
        """What `train` would be asked for."""
        return TrainingSection(batch_size=self.batch_size, epochs=self.epochs)

    @field_validator("fix")
    @classmethod
    def _writes_lines(cls, path: str | None) -> str | None:
        if path is not None and not path.endswith(".jsonl"):
            raise ValueError(f"the copy is in JSON lines, so {path} must end in .jsonl")
        return path


class CheckConfig(RecipeSection):
    """Everything about a check."""

    data: CheckedSection = Field(default_factory=CheckedSection)
    model: OptionalModelSection = Field(default_factory=OptionalModelSection)
    check: CheckSection = Field(default_factory=CheckSection)
