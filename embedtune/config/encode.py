"""Every option of `embedtune encode`: its name, unit, default, range and help."""

from typing import Literal

from pydantic import Field

from embedtune.config.encoder import EncoderSection
from embedtune.config.fields import Device, Precision, Store, TextsSection
from embedtune.config.options import option
from embedtune.config.section import Name, RecipeSection


class NamedEncoderSection(EncoderSection):
    """The encoder, which must be named: a starter would be gone afterwards."""

    name: Name = option(
        "starter",
        flag="model",
        group="Encoder",
        metavar="MODEL",
        shown="none; name one",
        help="a Hub name or a folder, such as RUN/model",
    )


class EncodingSection(RecipeSection):
    """How it is encoded."""

    role: Literal["query", "document"] = option(
        "document",
        flag="role",
        group="Data",
        metavar="query|document",
        help="whose prompt the texts get; and which texts of a BEIR folder are encoded",
    )
    dtype: Literal["float32", "float16"] = option(
        "float32",
        flag="dtype",
        group="Output",
        metavar="float32|float16",
        help="precision of the numbers in a .npy file",
    )
    device: Device = "auto"
    precision: Precision = "fp32"


class VectorsOutput(RecipeSection):
    """Where vectors go."""

    path: Name = option(
        "vectors.npy",
        flag="output",
        group="Output",
        metavar="FILE",
        help="a .npy file, or a .parquet file that also holds ids and texts",
    )
    store: Store = "auto"


class EncodeConfig(RecipeSection):
    """Everything about an encoding job."""

    model: NamedEncoderSection = Field(default_factory=NamedEncoderSection)
    data: TextsSection = Field(default_factory=TextsSection)
    encoding: EncodingSection = Field(default_factory=EncodingSection)
    output: VectorsOutput = Field(default_factory=VectorsOutput)
