"""Every option of `embedtune export`: its name, unit, default, range and help."""

from typing import Literal

from pydantic import Field

from embedtune.config.fields import Columns, Store, random_seed
from embedtune.config.options import option
from embedtune.config.section import Name, NewFolder, RecipeSection
from embedtune.config.sections.encoder import ModelSection

Target = Literal["onnx", "openvino", "static", "gguf"]


class ExportedEncoderSection(ModelSection):
    """The encoder that is exported, which the command takes without an option."""

    flagged = frozenset({"prompts", "max_length", "trust_remote_code", "allow_pickle"})


class ExportDataSection(RecipeSection):
    """The texts that an export is measured on."""

    heading = "Data"

    source: Name | None = option(
        None,
        "judged queries and documents that the export is measured on: a file, a folder, hf:owner/name, or samples",
        "SET",
        flag="data",
        shown="what the run was trained on; else samples",
    )
    columns: Columns = Field(default_factory=dict)


class ExportTargetSection(RecipeSection):
    """What is made, and how exact it is to be."""

    heading = "Output"

    to: Target = option(
        "onnx",
        "onnx: one file for onnxruntime; openvino: the same for OpenVINO; static: a table of token vectors, also for "
        "model2vec; gguf is refused, with the program that writes it",
        "onnx|openvino|static|gguf",
    )
    precision: Literal["fp32", "fp16", "int8"] = option(
        "fp32",
        "numbers of the weights; with int8 also of the products, which is fastest on processors with VNNI",
        "fp32|fp16|int8",
    )
    calibrate: int = option(
        0,
        "texts of the data from which int8 takes the ranges of activations; 0: each token sets its own, which is more "
        "exact",
        "TEXTS",
        ge=0,
        le=1_000,
    )
    dimensions: int | None = option(
        None,
        "length of the vectors: the first components of a Matryoshka encoder, or the main axes of a static export",
        "N",
        shown="all; 256 for static",
        ge=2,
    )
    folder: NewFolder | None = option(
        None, "a new folder for the export", "FOLDER", flag="output", shown="exports/DATE-NAME"
    )


class ExportRunSection(RecipeSection):
    """How it is measured."""

    heading = "Run"

    seed: int = random_seed("which texts it is measured on, and the statistics")
    store: Store = "auto"


class ExportConfig(RecipeSection):
    """Everything about an export."""

    model: ExportedEncoderSection = Field(default_factory=ExportedEncoderSection)
    data: ExportDataSection = Field(default_factory=ExportDataSection)
    export: ExportTargetSection = Field(default_factory=ExportTargetSection)
    run: ExportRunSection = Field(default_factory=ExportRunSection)
