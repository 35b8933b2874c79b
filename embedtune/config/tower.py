"""The second tower of a recipe: what reads signals, beside the encoder that reads texts."""

from typing import Literal

from pydantic import Field

from embedtune.config.options import option
from embedtune.config.section import RecipeSection


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
    lr: float = Field(1e-3, gt=0, description="learning rate of the new parts: the signal tower and both projections")
    signal: Literal["full", "frozen"] = Field("full", description="what of the signal tower learns")
    text: Literal["projection", "full", "frozen"] = Field(
        "projection",
        description="what of the text side learns: its projection alone, all of it, or nothing; with frozen, a new "
        "tower is projected into the space that the texts have",
    )
    text_lr: float | None = Field(
        None, gt=0, description="learning rate of the text encoder where all of it learns; null: what suits its width"
    )
