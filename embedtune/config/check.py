"""Every option of `embedtune check`: its name, unit, default, range and help."""

from typing import Literal, Self

from pydantic import Field, model_validator

from embedtune.config.encoder import OptionalModelSection
from embedtune.config.fields import Columns, Device, GroupColumn, LearnedSplit, Source
from embedtune.config.options import option
from embedtune.config.section import Name, RecipeSection
from embedtune.config.train import TrainingSection

_TRAINING = TrainingSection()


class CheckedSection(RecipeSection):
    """The data to look at."""

    source: Source = "samples"
    split: LearnedSplit = "train"
    columns: Columns = Field(default_factory=dict)
    group: GroupColumn = None
    eval_source: Name | None = option(
        None,
        flag="eval_data",
        group="Data",
        metavar="SET",
        shown="the data's own",
        help="test queries to look for in the training data",
    )
    eval_split: Name = option(
        "test", flag="eval_split", group="Data", metavar="NAME", help="split of --eval-data to use"
    )
    corpus: Name | None = option(
        None,
        flag="corpus",
        group="Data",
        metavar="PATH",
        shown="none",
        help="documents to look at as well: a file or a BEIR folder",
    )


class CheckSection(RecipeSection):
    """What training would do with the data, and what to make of the findings."""

    batch_size: int = option(
        _TRAINING.batch_size, flag="batch_size", group="Forecast", metavar="PAIRS", ge=2, help="pairs per training step"
    )
    epochs: int = option(
        _TRAINING.epochs, flag="epochs", group="Forecast", metavar="N", ge=1, help="passes over the training pairs"
    )
    seed: int = option(
        0,
        flag="seed",
        group="Run",
        metavar="N",
        ge=0,
        help="random seed for queries drawn from classes and for the starter",
    )
    device: Device = "auto"
    fail_on: Literal["error", "warning", "note"] | None = option(
        None,
        flag="fail_on",
        group="Run",
        metavar="error|warning|note",
        shown="never",
        help="exit with code 3 when a finding is at least this severe",
    )
    fix: Name | None = option(
        None,
        flag="fix",
        group="Output",
        metavar="OUT.jsonl",
        shown="none",
        help="write a cleaned copy there, and report what changed",
    )

    @model_validator(mode="after")
    def _writes_lines(self) -> Self:
        if self.fix is not None and not self.fix.endswith(".jsonl"):
            raise ValueError(f"--fix writes JSON lines; {self.fix} must end in .jsonl")
        return self


class CheckConfig(RecipeSection):
    """Everything about a check."""

    data: CheckedSection = Field(default_factory=CheckedSection)
    model: OptionalModelSection = Field(default_factory=OptionalModelSection)
    check: CheckSection = Field(default_factory=CheckSection)
