"""Every option of a check: its name, unit, default and range, and the command line's names for them."""

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field, model_validator

from embedtune.config.encoder import EncoderSection
from embedtune.config.section import Name, Prompts, RecipeSection
from embedtune.config.train import TrainingSection

_TRAINING = TrainingSection()


class CheckedSection(RecipeSection):
    """What is looked at."""

    source: Name = Field("samples", description="a file, a folder, hf:owner/name, or `samples`")
    split: Name = Field("train", description="the split to learn from, where the data have several")
    columns: dict[str, str] = Field(default_factory=dict, description="role -> column name")
    group: Name | None = Field(None, description="column whose values are never divided between splits")
    eval_source: Name | None = Field(None, description="test queries to look for in training; null: the data's own")
    eval_split: Name = Field("test", description="the split of them")
    corpus: Name | None = Field(None, description="documents to look at too: a file or a BEIR folder")


class ReaderSection(RecipeSection):
    """The encoder that the data are for."""

    name: Name | None = Field(None, description="a Hub name, a folder, or `starter`; null: lengths are in words")
    prompts: Prompts = Field(default_factory=dict, description="text put before every query or document")
    max_length: int | None = Field(None, ge=8, description="tokens; null: what the encoder declares")
    trust_remote_code: bool = False
    allow_pickle: bool = False

    def as_model(self) -> EncoderSection:
        """What `load_encoder` takes; only of a section that names a model."""
        return EncoderSection(**self.model_dump())


class CheckSection(RecipeSection):
    """What training would do with the data, and what to make of the findings."""

    batch_size: int = Field(_TRAINING.batch_size, ge=2, description="pairs per step")
    epochs: int = Field(_TRAINING.epochs, ge=1)
    seed: int = Field(0, ge=0)
    device: str = Field("auto", description="auto, cpu, cuda, cuda:1, mps")
    fail_on: Literal["error", "warning", "note"] | None = Field(
        None, description="exit code 3 when there is a finding as grave as this, or graver"
    )
    fix: Name | None = Field(None, description="a .jsonl file for a cleaned copy")

    @model_validator(mode="after")
    def _writes_lines(self) -> Self:
        if self.fix is not None and not self.fix.endswith(".jsonl"):
            raise ValueError(f"--fix writes JSON lines; {self.fix} must end in .jsonl")
        return self


class CheckConfig(RecipeSection):
    """A whole check."""

    data: CheckedSection = Field(default_factory=CheckedSection)
    model: ReaderSection = Field(default_factory=ReaderSection)
    check: CheckSection = Field(default_factory=CheckSection)


# Option (as a Python name) -> the key it sets.
CHECK_KEYS: Mapping[str, str] = {
    "data": "data.source",
    "split": "data.split",
    "columns": "data.columns",
    "group": "data.group",
    "eval_data": "data.eval_source",
    "eval_split": "data.eval_split",
    "corpus": "data.corpus",
    "model": "model.name",
    "prompts": "model.prompts",
    "max_length": "model.max_length",
    "trust_remote_code": "model.trust_remote_code",
    "allow_pickle": "model.allow_pickle",
    "batch_size": "check.batch_size",
    "epochs": "check.epochs",
    "seed": "check.seed",
    "device": "check.device",
    "fail_on": "check.fail_on",
    "fix": "check.fix",
}
