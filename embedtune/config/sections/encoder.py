"""The encoder of a recipe: which model, its prompts, what it may do, and the tower that reads signals beside it."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from embedtune.config.fields import AllowPickle, MaxLength, TrustRemoteCode
from embedtune.config.options import option
from embedtune.config.section import Name, Prompts, RecipeSection, Share


class Lora(RecipeSection):
    """Low-rank adapters instead of full fine-tuning (needs `pip install 'embedtune[lora]'`); merged on save."""

    rank: int = Field(16, ge=1, description="rank of the update matrices")
    alpha: float = Field(32.0, gt=0, description="scale of the update; alpha / rank multiplies it")
    dropout: Share = 0.0
    targets: list[str] | Literal["all-linear"] = "all-linear"


class ModelSection(RecipeSection):
    """A model and what it may do. `models.files` takes the section as it is, so that no permission is left behind."""

    heading = "Encoder"
    apart: ClassVar[str | None] = None
    """The section's key, where the options for permissions do not set those of this model."""

    name: Name = option(
        "starter",
        "a Hub name, a folder (such as RUN/model), pip:PACKAGE, https://HOST/v1#NAME, or starter, which is built from "
        "the data",
        "MODEL",
        flag="model",
    )
    prompts: Prompts = option(
        {},
        "text put before every query or document; \\n is a line break",
        'query="...",document="..."',
        shown="what the encoder declares",
        reads="prompts",
    )
    max_length: MaxLength = None
    trust_remote_code: TrustRemoteCode = False
    allow_pickle: AllowPickle = False

    def permission(self, key: str) -> str:
        """How the user permits something: the option of the command line, or a key of the recipe.

        >>> ModelSection().permission("allow_pickle")
        '--allow-pickle'
        """
        return f"{self.apart}.{key}=true" if self.apart else f"--{key.replace('_', '-')}"


class EncoderSection(ModelSection):
    """An encoder that training may change with adapters."""

    lora: Lora | None = None
    lengths: dict[Literal["query", "document"], Annotated[int, Field(ge=8)]] = Field(
        default_factory=dict,
        description="most tokens of a query and of a document, where they are not the same, such as {query: 64}",
    )


class TowerSection(RecipeSection):
    """How signals become vectors next to texts. Without signals in the data, nothing of it applies."""

    heading = "Encoder"

    kind: Literal["auto", "spectrum", "conv", "patch", "vectors"] = option(
        "auto",
        "what reads signals: their spectra (spectrum), convolutions over samples (conv), a small transformer over "
        "patches (patch), or signals that are vectors already (vectors); auto: that of the model, else spectrum",
        "auto|spectrum|conv|patch|vectors",
        flag="tower",
    )
    dimensions: int = Field(128, ge=2, description="of the space that signals and texts share")
    lr: float = Field(3e-3, gt=0, description="learning rate of the new parts: the signal tower and both projections")
    signal: Literal["full", "frozen"] = Field("full", description="what of the signal tower learns")
    text: Literal["projection", "full", "frozen"] = Field(
        "projection",
        description="what of the text side learns: its projection alone, all of it, or nothing; with frozen, a new "
        "tower is projected into the space that the texts have",
    )
    text_lr: float | None = Field(
        None, gt=0, description="learning rate of the text encoder where all of it learns; null: what suits its width"
    )


class OptionalModelSection(ModelSection):
    """A model that need not be named."""

    # Sections are frozen, so no code can set None in a ModelSection through this type.
    name: Name | None = option(  # type: ignore[assignment]
        None,
        "a Hub name, a folder (such as RUN/model), pip:PACKAGE, or starter, which is built from the data",
        "MODEL",
        flag="model",
        shown="none; lengths are in words",
    )
