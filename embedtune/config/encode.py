"""Every option of `embedtune encode` and `embedtune search`: texts into vectors, and a look at what they find."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from embedtune.config.encoder import EncoderSection
from embedtune.config.evaluate import SystemsSection
from embedtune.config.section import Name, Products, RecipeSection


class TextsSection(RecipeSection):
    """What is encoded."""

    source: Name = Field("samples", description="a file, a folder, hf:owner/name, or `samples`")
    column: Name | None = Field(None, description="the column of texts, where its name does not tell")


class EncodingSection(RecipeSection):
    """How it is encoded."""

    role: Literal["query", "document"] = Field("document", description="whose prompt the texts get")
    dtype: Literal["float32", "float16"] = Field("float32", description="of the numbers in a .npy file")
    device: str = Field("auto", description="auto, cpu, cuda, cuda:1, mps")
    precision: Products = Field("fp32", description="of matrix products while encoding")


class VectorsOutput(RecipeSection):
    """Where vectors go."""

    path: Name = Field("vectors.npy", description="a .npy or .parquet file; parquet keeps ids and texts beside them")
    store: Name = Field("auto", description="folder of the vector store, or `none`; auto: the user's cache folder")


class EncodeConfig(RecipeSection):
    """A whole encoding."""

    model: EncoderSection = Field(default_factory=EncoderSection)
    data: TextsSection = Field(default_factory=TextsSection)
    encoding: EncodingSection = Field(default_factory=EncodingSection)
    output: VectorsOutput = Field(default_factory=VectorsOutput)


class SearchSection(RecipeSection):
    """How it is searched."""

    top: int = Field(5, ge=1, le=1000, description="how many results a query gets")
    seed: int = Field(0, ge=0, description="of the starter")
    device: str = Field("auto", description="auto, cpu, cuda, cuda:1, mps")
    precision: Products = Field("fp32", description="of matrix products while encoding")
    store: Name = Field("auto", description="folder of the vector store, or `none`; auto: the user's cache folder")


class SearchConfig(RecipeSection):
    """What is searched, and by what."""

    models: SystemsSection = Field(default_factory=SystemsSection)
    data: TextsSection = Field(default_factory=TextsSection)
    search: SearchSection = Field(default_factory=SearchSection)


# Option (as a Python name) -> the key it sets.
ENCODE_KEYS: Mapping[str, str] = {
    "model": "model.name",
    "prompts": "model.prompts",
    "max_length": "model.max_length",
    "trust_remote_code": "model.trust_remote_code",
    "allow_pickle": "model.allow_pickle",
    "data": "data.source",
    "column": "data.column",
    "role": "encoding.role",
    "dtype": "encoding.dtype",
    "device": "encoding.device",
    "precision": "encoding.precision",
    "output": "output.path",
    "store": "output.store",
}
SEARCH_KEYS: Mapping[str, str] = {
    "model": "models.names",
    "query_model": "models.query",
    "prompts": "models.prompts",
    "max_length": "models.max_length",
    "trust_remote_code": "models.trust_remote_code",
    "allow_pickle": "models.allow_pickle",
    "data": "data.source",
    "column": "data.column",
    "top": "search.top",
    "seed": "search.seed",
    "device": "search.device",
    "precision": "search.precision",
    "store": "search.store",
}
