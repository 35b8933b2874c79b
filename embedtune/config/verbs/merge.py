"""Every option of `embedtune merge`: its name, unit, default, range and help."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from embedtune.config.fields import AllowPickle, Columns, Device, TrustRemoteCode, random_seed
from embedtune.config.options import option
from embedtune.config.section import Name, NewFolder, RecipeSection
from embedtune.config.sections.encoder import ModelSection
from embedtune.config.sections.guard import GuardSetsSection

Method = Literal["linear", "slerp", "task"]


class MixtureSection(RecipeSection):
    """Which models are mixed, and how."""

    heading = "Encoder"

    names: list[Name] = Field(default_factory=list, description="the models, the first being the one at alpha 0")
    method: Method = option(
        "linear",
        "how weights are mixed: along a line, along an arc (two models), or by adding up what each model learned "
        "since the first",
        "linear|slerp|task",
    )
    alpha: Annotated[float, Field(ge=0)] | Literal["auto"] = option(
        "auto",
        "how far from the first model towards the others, 0 to 1; auto chooses it on the dev split of --data among "
        "the mixtures that the guard accepts",
        "auto|NUMBER",
    )
    weights: list[Annotated[float, Field(gt=0)]] = option(
        [],
        "how much each model after the first counts, separated by commas",
        "NUMBER,...",
        shown="all alike",
        reads="numbers",
    )
    trust_remote_code: TrustRemoteCode = False
    allow_pickle: AllowPickle = False

    def section(self, name: str) -> ModelSection:
        """One of the models as a section of its own."""
        return ModelSection(name=name, trust_remote_code=self.trust_remote_code, allow_pickle=self.allow_pickle)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.alpha != "auto" and self.alpha > 1 and self.method != "task":
            raise ValueError(f"alpha is {self.alpha:g}; with {self.method} it goes from 0 to 1")
        return self


class MergeDataSection(RecipeSection):
    """What alpha is chosen on, and what the verdict rests on."""

    heading = "Data"

    source: Name | None = option(
        None,
        "alpha is chosen on its dev split, and the verdict rests on its test split; a set without splits is divided "
        "as `train` does",
        "SET",
        flag="data",
        shown="none; alpha must be a number",
    )
    columns: Columns = Field(default_factory=dict)


class MergeRunSection(RecipeSection):
    """How it is computed."""

    heading = "Run"

    seed: int = random_seed("the splits and the statistics")
    device: Device = "auto"


class MergeOutput(RecipeSection):
    """Where results go."""

    heading = "Output"

    folder: NewFolder | None = option(
        None, "a new folder for the model and its report", "FOLDER", flag="output", shown="merged/DATE-NAME"
    )


class MergeConfig(RecipeSection):
    """Everything about a merge."""

    models: MixtureSection = Field(default_factory=MixtureSection)
    data: MergeDataSection = Field(default_factory=MergeDataSection)
    guard: GuardSetsSection = Field(default_factory=GuardSetsSection)
    run: MergeRunSection = Field(default_factory=MergeRunSection)
    output: MergeOutput = Field(default_factory=MergeOutput)
