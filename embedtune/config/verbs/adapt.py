"""Every option of `embedtune adapt`: its name, unit, default, range and help."""

from typing import Literal

from pydantic import Field

from embedtune.config.options import option
from embedtune.config.section import Name, NewFolder, RecipeSection
from embedtune.config.sections.spaces import ComparedTexts, ComparisonRun, EncodersSection

ENCODER = "a Hub name, a folder, pip:PACKAGE, or a .parquet or .jsonl file of vectors (text, vector, role)"


class AdaptedSection(EncodersSection):
    """The old and the new encoder."""

    old: Name | None = option(None, f"the encoder that made the index: {ENCODER}", "OLD", flag="from_", shown="none")
    new: Name | None = option(None, f"the encoder that is to be used: {ENCODER}", "NEW", flag="to", shown="none")


class MappingSection(RecipeSection):
    """Which map is fitted."""

    heading = "Training"

    side: Literal["queries", "documents"] = option(
        "queries",
        "queries: the new encoder's queries are mapped, and the old index stays as it is; documents: the old "
        "vectors are mapped once, without encoding any text",
        "queries|documents",
    )
    kind: Literal["auto", "procrustes", "linear", "mlp"] = option(
        "auto",
        "a turn of the space, a matrix, or a matrix with a small correction; auto: the best on held-out texts",
        "auto|procrustes|linear|mlp",
    )


class AdaptOutput(RecipeSection):
    """Where results go."""

    heading = "Output"

    folder: NewFolder | None = option(
        None, "a new folder for the map, the model and the report", "FOLDER", flag="output", shown="adapted/DATE-NAME"
    )


class AdaptConfig(RecipeSection):
    """Everything about a map between two spaces."""

    models: AdaptedSection = Field(default_factory=AdaptedSection)
    data: ComparedTexts = Field(default_factory=ComparedTexts)
    mapping: MappingSection = Field(default_factory=MappingSection)
    run: ComparisonRun = Field(default_factory=ComparisonRun)
    output: AdaptOutput = Field(default_factory=AdaptOutput)
