"""Every option of `embedtune encode`: its name, unit, default, range and help."""

from typing import Literal

from pydantic import Field

from embedtune.config.fields import Device, EncodingPrecision, Engine, Store, TextsSection
from embedtune.config.options import option
from embedtune.config.section import Name, RecipeSection
from embedtune.config.sections.encoder import EncoderSection
from embedtune.errors import ConfigError


class NamedEncoderSection(EncoderSection):
    """The encoder, which must be named: a starter would be gone afterwards."""

    name: Name = option(
        "starter", "a Hub name or a folder, such as RUN/model", "MODEL", flag="model", shown="none; name one"
    )


class EncodingSection(RecipeSection):
    """How it is encoded."""

    heading = "Output"

    role: Literal["query", "document"] = option(
        "document",
        "whose prompt the texts get; and which texts of a BEIR folder are encoded",
        "query|document",
        group="Data",
    )
    dtype: Literal["float32", "float16"] = option(
        "float32", "precision of the numbers in a .npy file", "float32|float16"
    )
    device: Device = "auto"
    precision: EncodingPrecision = "fp32"
    engine: Engine = "here"


class VectorsOutput(RecipeSection):
    """Where vectors go."""

    heading = "Output"

    path: Name = option(
        "vectors.npy", "a .npy file, or a .parquet file that also holds ids and texts", "FILE", flag="output"
    )
    store: Store = "auto"


class EncodeConfig(RecipeSection):
    """Everything about an encoding job."""

    model: NamedEncoderSection = Field(default_factory=NamedEncoderSection)
    data: TextsSection = Field(default_factory=TextsSection)
    encoding: EncodingSection = Field(default_factory=EncodingSection)
    output: VectorsOutput = Field(default_factory=VectorsOutput)


def demand_named(config: EncodeConfig) -> None:
    """Refuse to encode with a starter.

    Raises:
        ConfigError: no other encoder is named.
    """
    if config.model.name == "starter":
        raise ConfigError(
            "a starter made for these texts would be lost afterwards, and no other model shares its vector space",
            where="--model",
            next="name a model, or train one and use RUN/model",
        )
