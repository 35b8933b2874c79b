"""Every option of `embedtune drift`: its name, unit, default, range and help."""

from pydantic import Field

from embedtune.config.options import option
from embedtune.config.section import NewFolder, RecipeSection
from embedtune.config.sections.spaces import ComparedTexts, ComparisonRun, EncodersSection


class DriftOutput(RecipeSection):
    """Where the report goes."""

    heading = "Output"

    folder: NewFolder | None = option(
        None, "a new folder for the report", "FOLDER", flag="output", shown="drifts/DATE-NAME"
    )


class DriftConfig(RecipeSection):
    """Everything about how far two encoders disagree."""

    models: EncodersSection = Field(default_factory=EncodersSection)
    data: ComparedTexts = Field(default_factory=ComparedTexts)
    run: ComparisonRun = Field(default_factory=ComparisonRun)
    output: DriftOutput = Field(default_factory=DriftOutput)
