"""The encoder of a recipe: which model, with what before its texts, and what it may do."""

from typing import Literal

from pydantic import Field

from embedtune.config.section import Name, Prompts, RecipeSection, Share


class Lora(RecipeSection):
    """Low-rank adapters instead of full fine-tuning (needs `pip install 'embedtune[lora]'`); merged on save."""

    rank: int = Field(16, ge=1, description="rank of the update matrices")
    alpha: float = Field(32.0, gt=0, description="scale of the update; alpha / rank multiplies it")
    dropout: Share = 0.0
    targets: list[str] | Literal["all-linear"] = "all-linear"


class EncoderSection(RecipeSection):
    """The encoder to fine-tune."""

    name: Name = Field("starter", description="a Hub name, a folder, or `starter`, built from the data at hand")
    prompts: Prompts = Field(
        default_factory=dict, description="text put before every query or document; empty: what the encoder declares"
    )
    max_length: int | None = Field(None, ge=8, description="tokens; null: what the encoder declares")
    trust_remote_code: bool = Field(False, description="run the model's own Python code, which can do anything")
    allow_pickle: bool = Field(False, description="read weights that are no safetensors; a pickle can run code")
    lora: Lora | None = None
